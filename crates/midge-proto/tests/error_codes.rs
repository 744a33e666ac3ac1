//! The table of JetStream's errors is made from the server's list.
//!
//! `MIDGE_BLESS=1 cargo test -p midge-proto --test error_codes` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

use core::fmt::Write as _;
use std::path::Path;

const LIST: &str = include_str!("../src/jetstream/error_codes.tsv");
const TABLE: &str = include_str!("../src/jetstream/error_codes.rs");

/// Constants that have the name by which users of NATS in Rust know them, not that of the rule.
const NAMES: &[(u64, &str)] = &[
    (10008, "CLUSTER_NOT_AVAILABLE"),
    (10019, "CONSUMER_EPHEMERAL_WITH_DURABLE"),
    (10022, "STREAM_EXTERNAL_DELETE_PREFIX_OVERLAPS"),
    (10024, "STREAM_INVALID_EXTERNAL_DELIVERY_SUBJECT"),
    (10032, "MIRROR_WITH_START_SEQUENCE_AND_TIME"),
    (10036, "NOT_SUPPORTED_IN_CLUSTER_MODE"),
    (10039, "JETSTREAM_NOT_ENABLED_FOR_ACCOUNT"),
    (10057, "STREAM_MESSAGE_DELETE_FAILED"),
    (10066, "STREAM_CREATE_TEMPLATE"),
    (10067, "STREAM_DELETE_FAILED"),
    (10070, "STREAM_WRONG_LAST_MESSAGE_ID"),
    (10073, "NAME_NOT_MATCH_SUBJECT"),
    (10076, "JETSTREAM_NOT_ENABLED"),
    (10088, "CONSUMER_HEARTBEAT_REQUIRES_PUSH"),
    (10089, "CONSUMER_FLOW_CONTROL_REQUIRES_PUSH"),
    (10129, "STREAM_MOVE_NOT_IN_PROGRESS"),
    (10177, "ATOMIC_PUBLISH_UNSUPPORTED_HEADER"),
    (10184, "CONSUMER_BACKOFF_NEGATIVE"),
    (10227, "MESSAGE_SOURCE_HEADER_NOT_ALLOWED"),
];

/// What passes by itself: the cluster has no leader or no complete picture, an asset is about to
/// come back, something of the same name or place is under way, the server has its hands full.
const RETRYABLE: &[u64] = &[
    10004, 10007, 10008, 10009, 10118, 10119, 10124, 10158, 10163, 10167, 10202, 10210, 10211,
    10226,
];

struct Row<'a> {
    class: u64,
    number: u64,
    name: &'a str,
    text: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let mut lines = LIST.lines();
    assert_eq!(lines.next(), Some("code\terr_code\tconstant\tdescription"));
    let mut rows: Vec<_> = lines
        .map(|line| {
            let [class, number, name, text] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four columns expected: {line}")
            };
            Row { class: class.parse().unwrap(), number: number.parse().unwrap(), name, text }
        })
        .collect();
    rows.sort_by_key(|row| row.number);
    rows
}

/// `JSStreamNotFoundErr` is `STREAM_NOT_FOUND`.
fn constant(row: &Row<'_>) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(number, _)| *number == row.number) {
        return (*name).into();
    }
    let name = row.name.strip_prefix("JS").unwrap();
    let name = ["ErrF", "Err", "F"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let letters: Vec<char> = name.chars().collect();
    let mut constant = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if begins_word {
            constant.push('_');
        }
        constant.extend(letter.to_uppercase());
    }
    constant
}

fn render(rows: &[Row<'_>]) -> String {
    let mut out = String::from(
        "//! The errors of JetStream that nats-server 2.15 knows. Made from `error_codes.tsv` by\n\
         //! `tests/error_codes.rs`; do not edit.\n\
         #![cfg_attr(rustfmt, rustfmt_skip)]\n\n\
         use super::error::ErrorCode;\n\n\
         /// What is known of an error of JetStream.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n\
         pub struct ErrorCodeInfo {\n\
         \x20   /// The number.\n\
         \x20   pub error_code: ErrorCode,\n\
         \x20   /// The rough class, like a status of HTTP.\n\
         \x20   pub code: u16,\n\
         \x20   /// The name of the constant in the server.\n\
         \x20   pub name: &'static str,\n\
         \x20   /// The text, with places for what the server fills in.\n\
         \x20   pub description: &'static str,\n\
         \x20   /// Whether the same request may succeed later.\n\
         \x20   pub retryable: bool,\n\
         }\n\n\
         const fn info(\n\
         \x20   error_code: ErrorCode,\n\
         \x20   code: u16,\n\
         \x20   name: &'static str,\n\
         \x20   description: &'static str,\n\
         \x20   retryable: bool,\n\
         ) -> ErrorCodeInfo {\n\
         \x20   ErrorCodeInfo { error_code, code, name, description, retryable }\n\
         }\n\n\
         impl ErrorCode {\n",
    );
    for row in rows {
        let text = row.text.replace('{', "`{").replace('}', "}`");
        writeln!(out, "    /// {}: {text}.", row.class).unwrap();
        writeln!(out, "    pub const {}: Self = Self({});", constant(row), row.number).unwrap();
    }
    let count = rows.len();
    writeln!(
        out,
        "}}\n\n/// By number.\npub(super) const ERROR_CODES: [ErrorCodeInfo; {count}] = ["
    )
    .unwrap();
    for row in rows {
        let name = constant(row);
        let retryable = RETRYABLE.contains(&row.number);
        writeln!(
            out,
            "    info(ErrorCode::{name}, {}, {:?}, {:?}, {retryable}),",
            row.class, row.name, row.text
        )
        .unwrap();
    }
    out.push_str("];\n");
    out
}

#[test]
fn the_table_of_errors_is_the_one_made_from_the_list() {
    let rows = rows();
    assert_eq!(rows.len(), 226);
    let made = render(&rows);
    if std::env::var_os("MIDGE_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jetstream/error_codes.rs");
        std::fs::write(path, made).unwrap();
    } else {
        assert!(TABLE == made, "error_codes.rs differs from the list; see the top of this file");
    }
}

#[test]
fn every_exception_is_about_an_error_of_the_list() {
    let rows = rows();
    for number in NAMES.iter().map(|(number, _)| number).chain(RETRYABLE) {
        assert!(rows.iter().any(|row| row.number == *number), "{number}");
    }
}
