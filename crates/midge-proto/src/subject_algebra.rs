//! Questions about subjects and filters: what matches, what overlaps, what is contained.
//!
//! A filter is a subject in which a token `*` stands for any one token, and a last token `>` for
//! one or more. `*` and `>` inside a longer token, and `>` in front of another token, stand for
//! themselves, as they do in the server. The functions check nothing: an empty token is a token
//! like any other.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::Split;

/// The tokens of a subject or filter.
///
/// ```
/// let tokens: Vec<_> = midge_proto::tokens("orders.*.new").collect();
/// assert_eq!(tokens, ["orders", "*", "new"]);
/// ```
pub fn tokens(subject: &str) -> Split<'_, char> {
    subject.split('.')
}

/// Whether `filter` matches `subject`. Wildcards in `subject` stand for themselves.
///
/// ```
/// use midge_proto::matches;
///
/// assert!(matches("orders.*", "orders.new"));
/// assert!(matches("orders.>", "orders.new.7"));
/// assert!(!matches("orders.>", "orders"));
/// ```
#[must_use]
pub fn matches(filter: &str, subject: &str) -> bool {
    let mut subject = tokens(subject);
    for piece in pieces(filter) {
        let Some(token) = subject.next() else {
            return false;
        };
        match piece {
            Piece::Rest => return true,
            Piece::Any => {}
            Piece::Literal(literal) if literal == token => {}
            Piece::Literal(_) => return false,
        }
    }
    subject.next().is_none()
}

/// Whether there is a subject that both filters match.
///
/// ```
/// use midge_proto::overlap;
///
/// assert!(overlap("orders.*", "*.new"));
/// assert!(!overlap("orders.*", "orders.*.new"));
/// ```
#[must_use]
pub fn overlap(left: &str, right: &str) -> bool {
    let (mut left, mut right) = (pieces(left), pieces(right));
    loop {
        match (left.next(), right.next()) {
            (None, None) | (Some(Piece::Rest), Some(_)) | (Some(_), Some(Piece::Rest)) => {
                return true;
            }
            (None, Some(_)) | (Some(_), None) => return false,
            (Some(Piece::Any), Some(_)) | (Some(_), Some(Piece::Any)) => {}
            (Some(Piece::Literal(left)), Some(Piece::Literal(right))) => {
                if left != right {
                    return false;
                }
            }
        }
    }
}

/// Whether `outer` matches every subject that `inner` matches.
///
/// ```
/// use midge_proto::is_subset;
///
/// assert!(is_subset("orders.*", "orders.>"));
/// assert!(!is_subset("orders.>", "orders.*"));
/// ```
#[must_use]
pub fn is_subset(inner: &str, outer: &str) -> bool {
    let (mut inner, mut outer) = (pieces(inner), pieces(outer));
    loop {
        match (inner.next(), outer.next()) {
            (None, None) | (Some(_), Some(Piece::Rest)) => return true,
            (None, Some(_)) | (Some(_), None) | (Some(Piece::Rest), Some(_)) => return false,
            (Some(Piece::Any | Piece::Literal(_)), Some(Piece::Any)) => {}
            (Some(Piece::Any), Some(Piece::Literal(_))) => return false,
            (Some(Piece::Literal(inner)), Some(Piece::Literal(outer))) => {
                if inner != outer {
                    return false;
                }
            }
        }
    }
}

/// What the wildcards of `filter` stand for in `subject`: a token for each `*`, the whole rest for
/// a last `>`. `None` when the filter does not match.
///
/// ```
/// use midge_proto::captures;
///
/// assert_eq!(captures("orders.*.>", "orders.eu.new.7"), Some(vec!["eu", "new.7"]));
/// assert_eq!(captures("orders.*", "invoices.eu"), None);
/// ```
#[must_use]
pub fn captures<'a>(filter: &str, subject: &'a str) -> Option<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut rest = Some(subject);
    for piece in pieces(filter) {
        let here = rest?;
        let (token, after) = match here.split_once('.') {
            Some((token, after)) => (token, Some(after)),
            None => (here, None),
        };
        match piece {
            Piece::Rest => {
                found.push(here);
                return Some(found);
            }
            Piece::Any => found.push(token),
            Piece::Literal(literal) if literal == token => {}
            Piece::Literal(_) => return None,
        }
        rest = after;
    }
    rest.is_none().then_some(found)
}

/// Puts `values` in the place of the wildcards of `template`, in order: one for each `*`, all that
/// remain, but at least one, for a last `>`.
///
/// Each value becomes exactly one token: values from outside cannot add tokens or wildcards. Use
/// [`escape_token`] for values that may hold any character.
///
/// ```
/// use midge_proto::{escape_token, fill};
///
/// # fn main() -> Result<(), midge_proto::FillError> {
/// assert_eq!(fill("orders.*.new", &["eu"])?, "orders.eu.new");
/// assert!(fill("orders.*.new", &["eu.>"]).is_err());
/// assert_eq!(fill("orders.*.new", &[&*escape_token("eu.>")])?, "orders.eu%2E%3E.new");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When a value is not a token, or there are too few or too many of them.
pub fn fill<S: AsRef<str>>(template: &str, values: &[S]) -> Result<String, FillError> {
    for (index, value) in values.iter().enumerate() {
        let value = value.as_ref();
        if value.is_empty() || value.contains(needs_escape) {
            return Err(FillError::NotAToken { index, value: value.into() });
        }
    }
    let wildcards = pieces(template).filter(|piece| !matches!(piece, Piece::Literal(_))).count();
    let open_end = pieces(template).any(|piece| matches!(piece, Piece::Rest));
    if values.len() < wildcards || (values.len() > wildcards && !open_end) {
        return Err(FillError::WrongCount { expected: wildcards, given: values.len() });
    }
    let mut filled = String::with_capacity(template.len() + 16 * values.len());
    let mut values = values.iter().map(AsRef::as_ref);
    for piece in pieces(template) {
        match piece {
            Piece::Literal(literal) => push_token(&mut filled, literal),
            Piece::Any => values.next().into_iter().for_each(|v| push_token(&mut filled, v)),
            Piece::Rest => values.by_ref().for_each(|v| push_token(&mut filled, v)),
        }
    }
    // Every piece put a dot in front of itself, the first one too.
    filled.remove(0);
    Ok(filled)
}

/// A text as one token: `.`, `*`, `>`, `%`, blanks and control characters become `%` and two
/// hexadecimal digits, the empty text becomes `%`.
///
/// ```
/// use midge_proto::{escape_token, unescape_token};
///
/// assert_eq!(escape_token("eu"), "eu");
/// assert_eq!(escape_token("a.b c"), "a%2Eb%20c");
/// assert_eq!(unescape_token("a%2Eb%20c").as_deref(), Some("a.b c"));
/// ```
#[must_use]
pub fn escape_token(text: &str) -> Cow<'_, str> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if text.is_empty() {
        return "%".into();
    }
    let is_plain = |c: char| !needs_escape(c) && c != '%';
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_plain(character) {
            escaped.push(character);
            continue;
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            escaped.push('%');
            escaped.push(char::from(HEX[usize::from(byte >> 4)]));
            escaped.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    escaped.into()
}

/// The text that [`escape_token`] made `token` of; `None` when it made no such token.
#[must_use]
pub fn unescape_token(token: &str) -> Option<String> {
    if token == "%" {
        return Some(String::new());
    }
    let text = percent_encoding::percent_decode_str(token).decode_utf8().ok()?;
    // There is one escaped form of each text: others, like an escaped letter, came from elsewhere.
    (escape_token(&text) == token).then(|| text.into_owned())
}

/// Why [`fill`] refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillError {
    /// A value is empty, or holds a dot, a wildcard, a blank or a control character.
    NotAToken {
        /// Which value, counted from 0.
        index: usize,
        /// The value.
        value: String,
    },
    /// There are too few or too many values.
    WrongCount {
        /// The number of wildcards.
        expected: usize,
        /// The number of values.
        given: usize,
    },
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAToken { index, value } => {
                write!(f, "value {index} is not a subject token: {value:?}")
            }
            Self::WrongCount { expected, given } => {
                write!(
                    f,
                    "subject template has {expected} wildcards, but {given} values were given"
                )
            }
        }
    }
}

impl core::error::Error for FillError {}

/// What one token of a filter means.
enum Piece<'a> {
    Literal(&'a str),
    Any,
    Rest,
}

fn pieces(filter: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut tokens = tokens(filter).peekable();
    core::iter::from_fn(move || {
        Some(match tokens.next()? {
            "*" => Piece::Any,
            ">" if tokens.peek().is_none() => Piece::Rest,
            literal => Piece::Literal(literal),
        })
    })
}

fn push_token(subject: &mut String, token: &str) {
    subject.push('.');
    subject.push_str(token);
}

/// Whether a character cannot be part of a token that comes from outside.
fn needs_escape(character: char) -> bool {
    matches!(character, '.' | '*' | '>') || character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// What the functions are compared with.
    fn naive(filter: &[&str], subject: &[&str]) -> bool {
        match (filter, subject) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", filter @ ..], [_, subject @ ..]) => naive(filter, subject),
            ([f, filter @ ..], [s, subject @ ..]) => f == s && naive(filter, subject),
            _ => false,
        }
    }

    fn naive_matches(filter: &str, subject: &str) -> bool {
        let split = |text| str::split(text, '.').collect::<Vec<&str>>();
        naive(&split(filter), &split(subject))
    }

    /// Every subject of up to four tokens: enough to tell apart filters of up to three.
    fn all_subjects() -> Vec<String> {
        const TOKENS: [&str; 4] = ["a", "b", ">", "other"];
        let mut all: Vec<String> = TOKENS.map(Into::into).to_vec();
        let mut last = all.clone();
        for _ in 1..4 {
            last = last
                .iter()
                .flat_map(|head| TOKENS.map(|token| alloc::format!("{head}.{token}")))
                .collect();
            all.extend_from_slice(&last);
        }
        all
    }

    const FILTER: &str = "(a|b|\\*|>)(\\.(a|b|\\*|>)){0,2}";

    #[test]
    fn wildcards_match_as_the_server_does_it() {
        let table = [
            ("a.b", "a.b", true),
            ("a.b", "a.B", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("a*", "ab", false),
            ("a*", "a*", true),
            (">.a", "b.a", false),
            (">.a", ">.a", true),
            ("a.b", "a.*", false),
            ("a.*", "a.*", true),
        ];
        for (filter, subject, expected) in table {
            assert_eq!(matches(filter, subject), expected, "{filter} {subject}");
            assert_eq!(captures(filter, subject).is_some(), expected, "{filter} {subject}");
        }
    }

    #[test]
    fn captures_are_what_the_wildcards_stand_for() {
        assert_eq!(captures("a.b", "a.b"), Some(vec![]));
        assert_eq!(captures("*.b.*", "x.b.y"), Some(vec!["x", "y"]));
        assert_eq!(captures(">", "x.y"), Some(vec!["x.y"]));
        assert_eq!(captures("*.>", "x"), None);
    }

    #[test]
    fn filling_takes_as_many_values_as_there_are_wildcards() {
        assert_eq!(fill("a.*.b", &["x"]).unwrap(), "a.x.b");
        assert_eq!(fill("*.>", &["x", "y", "z"]).unwrap(), "x.y.z");
        assert_eq!(fill("a.b", &[""; 0]).unwrap(), "a.b");
        assert_eq!(fill("", &[""; 0]).unwrap(), "");
        for (template, given, expected) in [("a", 1, 0), ("*", 0, 1), ("*.*", 3, 2), ("*.>", 1, 2)]
        {
            assert_eq!(
                fill(template, &vec!["x"; given]),
                Err(FillError::WrongCount { expected, given })
            );
        }
    }

    #[test]
    fn filling_refuses_values_that_are_not_one_token() {
        for value in ["", "a.b", "*", ">", "a*", "a b", "\t", "a\r\nPUB x 0", "\u{2003}", "\0"] {
            let error = fill("q.*.*", &["ok", value]).unwrap_err();
            assert_eq!(error, FillError::NotAToken { index: 1, value: value.into() });
        }
    }

    #[test]
    fn a_token_that_was_not_made_by_escaping_does_not_unescape() {
        for token in ["", "a.b", "%4", "%zz", "%61", "%2e", "a%", "%FF", "a b"] {
            assert_eq!(unescape_token(token), None, "{token}");
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_reference(
            filter in "(a|b|ab|\\*|>|)(\\.(a|b|a\\*|\\*|>|)){0,3}",
            subject in "(a|b|ab|\\*|>|)(\\.(a|b|a\\*|\\*|>|)){0,3}",
        ) {
            let expected = naive_matches(&filter, &subject);
            prop_assert_eq!(matches(&filter, &subject), expected);
            prop_assert_eq!(captures(&filter, &subject).is_some(), expected);
        }

        #[test]
        fn overlap_and_subset_agree_with_a_look_at_every_subject(left in FILTER, right in FILTER) {
            let subjects = all_subjects();
            let both = |s: &String| naive_matches(&left, s) && naive_matches(&right, s);
            prop_assert_eq!(overlap(&left, &right), subjects.iter().any(both));
            let kept = |s: &String| !naive_matches(&left, s) || naive_matches(&right, s);
            prop_assert_eq!(is_subset(&left, &right), subjects.iter().all(kept));
        }

        #[test]
        fn filling_with_the_captures_gives_the_subject_back(
            filter in FILTER, subject in "[a-c](\\.[a-c]){0,3}",
        ) {
            if let Some(found) = captures(&filter, &subject) {
                let values: Vec<&str> = found.iter().flat_map(|part| tokens(part)).collect();
                prop_assert_eq!(fill(&filter, &values).unwrap(), subject);
            }
        }

        #[test]
        fn any_text_is_one_token_once_escaped_and_comes_back(text: String) {
            let token = escape_token(&text);
            let subject = fill("a.*.b", &[&*token]).unwrap();
            prop_assert_eq!(captures("a.*.b", &subject), Some(vec![&*token]));
            prop_assert_eq!(unescape_token(&token), Some(text.clone()));
        }
    }
}
