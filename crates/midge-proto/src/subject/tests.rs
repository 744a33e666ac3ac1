use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Subject, what publishing says of it, what subscribing says.
const RULES: &[(&str, Option<SubjectFault>, Option<SubjectFault>)] = {
    use SubjectFault::{Control, Empty, EmptyToken, MisplacedWildcard, Wildcard};
    &[
        ("a", None, None),
        ("a.b.c", None, None),
        ("$JS.API.INFO", None, None),
        ("größe.日本", None, None),
        ("foo*", None, None),
        (">x.a", None, None),
        ("a.**", None, None),
        ("*", Some(Wildcard), None),
        (">", Some(Wildcard), None),
        ("a.*.b", Some(Wildcard), None),
        ("a.>", Some(Wildcard), None),
        ("*.>", Some(Wildcard), None),
        (">.a", Some(MisplacedWildcard), Some(MisplacedWildcard)),
        ("a.>.b", Some(MisplacedWildcard), Some(MisplacedWildcard)),
        ("", Some(Empty), Some(Empty)),
        (".", Some(EmptyToken), Some(EmptyToken)),
        (".a", Some(EmptyToken), Some(EmptyToken)),
        ("a.", Some(EmptyToken), Some(EmptyToken)),
        ("a..b", Some(EmptyToken), Some(EmptyToken)),
        ("a b", Some(Control), Some(Control)),
        ("a\tb", Some(Control), Some(Control)),
        ("a\r\nPUB x 0\r\n", Some(Control), Some(Control)),
        ("a\n", Some(Control), Some(Control)),
        ("a\0", Some(Control), Some(Control)),
        ("\u{7f}", Some(Control), Some(Control)),
    ]
};

fn from_chunk(chunk: &Bytes, range: Range<usize>) -> Subject {
    let mut subject = Subject::unset();
    subject.set_from_chunk(chunk, range);
    subject
}

fn fault(result: Result<(), InvalidSubject>) -> Option<SubjectFault> {
    result.err().map(|error| error.fault())
}

#[test]
fn every_way_to_make_a_subject_follows_the_same_rules() {
    for &(text, publish, subscribe) in RULES {
        let wire = Bytes::from(text);
        for subject in [
            Subject::from(text),
            Subject::from(text.to_string()),
            Subject::from_static(text),
            Subject::from_utf8(text).unwrap(),
            from_chunk(&wire, 0..text.len()),
            text.to_subject(),
            serde_json::from_value(serde_json::Value::from(text)).unwrap(),
        ] {
            assert_eq!(fault(subject.check_publish()), publish, "{text:?}");
            assert_eq!(fault(subject.check_subscribe()), subscribe, "{text:?}");
            assert_eq!(subject.is_valid(), subscribe.is_none(), "{text:?}");
            assert_eq!(subject, text);
            assert_eq!(fault(subject.detached().check_publish()), publish, "{text:?}");
        }
        assert_eq!(fault(Subject::validated(text).map(drop)), subscribe, "{text:?}");
    }
}

#[test]
fn a_subject_longer_than_a_control_line_is_refused() {
    let longest = Subject::from("x".repeat(SUBJECT_LEN_MAX));
    assert_eq!(longest.check_publish(), Ok(()));
    let longer = Subject::from("x".repeat(SUBJECT_LEN_MAX + 1));
    assert_eq!(fault(longer.check_publish()), Some(SubjectFault::TooLong));
    assert_eq!(fault(longer.check_subscribe()), Some(SubjectFault::TooLong));
}

#[test]
fn an_error_shows_the_beginning_escaped() {
    let text = alloc::format!("a\r\n{}", "x".repeat(100));
    assert_eq!(
        Subject::from(text).check_publish().unwrap_err().to_string(),
        alloc::format!(
            "invalid subject \"a\\r\\n{}...\": whitespace or a control character",
            "x".repeat(29)
        )
    );
}

#[test]
fn a_static_subject_is_checked_by_the_compiler() {
    const SUBJECT: Subject = Subject::from_static_validated("a.b");
    assert_eq!(SUBJECT, "a.b");
    assert_eq!(SUBJECT.check_publish(), Ok(()));
}

#[test]
#[should_panic(expected = "invalid subject")]
fn a_static_subject_with_a_blank_panics() {
    let _ = Subject::from_static_validated("a b");
}

#[test]
fn a_subject_that_is_not_utf8_keeps_its_bytes() {
    let chunk = Bytes::from_static(b"MSG a.\xff 1 0");
    let subject = from_chunk(&chunk, 4..7);
    assert_eq!(subject.as_bytes(), b"a.\xff");
    assert_eq!(subject.as_str(), "a.\u{fffd}");
    assert!(!subject.is_utf8());
    assert_eq!(subject.check_publish(), Ok(()));
    assert_ne!(subject, Subject::from("a.\u{fffd}"));
    assert!(Subject::from_utf8(&b"\xff"[..]).is_err());
}

#[test]
fn debug_display_and_serde_show_the_text() {
    let subject = Subject::from("a.b");
    assert_eq!(alloc::format!("{subject} {subject:?}"), "a.b \"a.b\"");
    assert_eq!(serde_json::to_string(&subject).unwrap(), "\"a.b\"");
    assert_eq!(serde_json::from_str::<Subject>("\"a.b\"").unwrap(), subject);
}

/// The rules as they are told, without regard to speed.
fn naive(subject: &str) -> (bool, bool) {
    let tokens: Vec<&str> = subject.split('.').collect();
    let well_formed = tokens.iter().all(|token| !token.is_empty())
        && subject.bytes().all(|byte| byte > 32 && byte != 127)
        && tokens.iter().rev().skip(1).all(|token| *token != ">");
    let literal = tokens.iter().all(|token| *token != "*" && *token != ">");
    (well_formed && literal, well_formed)
}

proptest! {
    #[test]
    fn one_pass_agrees_with_the_rules_as_told(text in "[a.*> \u{7f}é]{0,12}") {
        let subject = Subject::from(text.as_str());
        let (publish, subscribe) = naive(&text);
        prop_assert_eq!(subject.check_publish().is_ok(), publish);
        prop_assert_eq!(subject.check_subscribe().is_ok(), subscribe);
    }
}
