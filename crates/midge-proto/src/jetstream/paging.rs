//! Answers that come in pages.

use super::api::ApiError;
use super::json::nullable;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Deserialize;

/// Where a page lies in the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// Entries of all pages together.
    pub total: u64,
    /// Entries of the pages before.
    pub offset: u64,
    /// Most entries of a page.
    pub limit: u64,
}

impl Paging {
    /// Checks a page with `received` entries that was to begin at `asked`: one that begins before
    /// would be read again and again. Behind its end, servers tell where a list ends.
    pub(super) fn check(&self, asked: u64, received: usize, body: &[u8]) -> Result<(), ApiError> {
        if self.offset == asked || received == 0 {
            return Ok(());
        }
        let fault = format!("a page from entry {} on, not from {asked} on", self.offset);
        Err(ApiError::malformed(fault, body))
    }

    /// The offset of the page behind one with `received` entries; `None` behind the last.
    ///
    /// An empty page is the last, whatever the total says: entries can vanish between two requests.
    #[must_use]
    pub fn next_offset(&self, received: usize) -> Option<u64> {
        let next = self.offset.checked_add(received as u64)?;
        (received > 0 && next < self.total).then_some(next)
    }
}

/// Entries by which a list may grow beyond twice its length while it is read.
const GROWTH_MAX: u64 = 10_000;

/// Most names of what is missing or offline in one list, which are kept until its end: more than the
/// servers of any cluster hold.
const ABSENT_MAX: usize = 1_000_000;

/// Looks after a list that is read page by page: that it comes to an end.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListWatch {
    first_total: Option<u64>,
    absent: usize,
}

impl ListWatch {
    /// Another page of the list, with so many names of what is missing or offline.
    ///
    /// # Errors
    ///
    /// When the list grows faster than it is read, or names more than can be there.
    pub fn check(&mut self, paging: Paging, absent: usize) -> Result<(), ApiError> {
        let first = *self.first_total.get_or_insert(paging.total);
        let most = first.saturating_mul(2).saturating_add(GROWTH_MAX);
        if paging.offset >= most {
            let fault = format!(
                "a list that does not end: entry {} of {}, and {first} at its beginning",
                paging.offset, paging.total
            );
            return Err(ApiError::malformed(fault, b""));
        }
        self.absent = self.absent.saturating_add(absent);
        if self.absent > ABSENT_MAX {
            let fault = format!("a list that lacks {} entries or more", self.absent);
            return Err(ApiError::malformed(fault, b""));
        }
        Ok(())
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Page<T> {
    /// Where the page lies in the whole.
    #[serde(flatten)]
    pub paging: Paging,
    /// The entries.
    #[serde(
        default = "Vec::new",
        alias = "streams",
        alias = "consumers",
        deserialize_with = "nullable"
    )]
    pub items: Vec<T>,
    /// Names of which there is no information, because their servers did not answer.
    #[serde(default, deserialize_with = "nullable")]
    pub missing: Vec<String>,
    /// Names of what the server cannot run, with the reasons (2.12).
    #[serde(default, deserialize_with = "nullable")]
    pub offline: BTreeMap<String, String>,
}

impl<T> Page<T> {
    /// The offset of the next page; `None` when this is the last one.
    ///
    /// Entries that are missing or offline have their places in the whole, too.
    #[must_use]
    pub fn next_offset(&self) -> Option<u64> {
        let absent = self.missing.len() + self.offline.len();
        let received = self.items.len();
        if absent == 0 {
            return self.paging.next_offset(received);
        }
        // Servers may list what is absent among the items as well, so only the size of a page says
        // how many places it has.
        let Paging { total, offset, limit } = self.paging;
        let places = usize::try_from(total.saturating_sub(offset).min(limit)).unwrap_or(usize::MAX);
        self.paging.next_offset(if limit == 0 { received + absent } else { places.max(received) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_until_all_is_received() {
        let paging = Paging { total: 600, offset: 256, limit: 256 };
        assert_eq!(paging.next_offset(256), Some(512));
        assert_eq!(paging.next_offset(344), None);
        assert_eq!(paging.next_offset(0), None, "an empty page must not be asked for for ever");
        let last = Paging { total: u64::MAX, offset: u64::MAX - 1, limit: 1 };
        assert_eq!(last.next_offset(2), None);
    }

    #[test]
    fn a_page_that_begins_elsewhere_is_no_answer() {
        let paging = Paging { total: 600, offset: 256, limit: 256 };
        assert_eq!(paging.check(256, 256, b""), Ok(()));
        let error = paging.check(512, 88, b"{}").unwrap_err();
        assert!(matches!(error, ApiError::Malformed(_)), "{error}");
        assert_eq!(paging.check(512, 0, b""), Ok(()), "what was there is gone");
    }

    #[test]
    fn a_list_that_grows_faster_than_it_is_read_has_an_end() {
        let mut watch = ListWatch::default();
        let page = |offset: u64| Paging { total: offset + 2, offset, limit: 1 };
        let pages = (0..).take_while(|offset| watch.check(page(*offset), 0).is_ok()).count();
        assert_eq!(pages as u64, 2 * 2 + GROWTH_MAX);
        // One that is long from the beginning is only long.
        let mut long = ListWatch::default();
        let paging = |offset| Paging { total: 1 << 40, offset, limit: 1 };
        assert!((0..100_000).all(|offset| long.check(paging(offset), 0).is_ok()));
        // What is missing is kept until the end, and has a bound of its own.
        let lacking = (0..).take_while(|offset| long.check(paging(*offset), 1000).is_ok()).count();
        assert_eq!(lacking, ABSENT_MAX / 1000);
    }

    #[test]
    fn what_is_missing_has_its_place_in_the_page() {
        let next = |items: usize, missing: usize, paging: (u64, u64, u64)| {
            let (total, offset, limit) = paging;
            let missing = (0..missing).map(|number| alloc::format!("m{number}")).collect();
            Page {
                paging: Paging { total, offset, limit },
                items: alloc::vec![(); items],
                missing,
                offline: BTreeMap::new(),
            }
            .next_offset()
        };
        assert_eq!(next(1, 1, (2, 0, 256)), None, "the second of two is the missing one");
        assert_eq!(next(0, 2, (2, 0, 256)), None);
        assert_eq!(next(255, 1, (300, 0, 256)), Some(256));
        assert_eq!(next(256, 1, (300, 0, 256)), Some(256), "listed as an item as well");
        assert_eq!(next(43, 1, (300, 256, 256)), None);
        assert_eq!(next(1, 1, (3, 0, 0)), Some(2), "an answer without a limit");
    }

    #[test]
    fn names_of_streams_and_of_consumers_are_items() {
        let page: Page<String> =
            serde_json::from_str(r#"{"total":3,"offset":1,"limit":1,"streams":["a"],"x":1}"#)
                .unwrap();
        assert_eq!((page.items.len(), page.next_offset()), (1, Some(2)));
        let page: Page<String> = serde_json::from_str(
            r#"{"total":0,"consumers":null,"missing":["m"],"offline":{"o":"why"}}"#,
        )
        .unwrap();
        assert!(page.items.is_empty() && page.next_offset().is_none());
        assert_eq!((&*page.missing[0], &*page.offline["o"]), ("m", "why"));
        assert!(serde_json::from_str::<Page<String>>("{}").unwrap().items.is_empty());
    }
}
