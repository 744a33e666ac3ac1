//! What few subscriptions ever need.

use super::budget::Share;
use super::latest::Latest;
use super::marks::Marks;
use super::state::Watchers;
use crate::subscriber::Closing;

/// The part of a mailbox that is made when something in it is first needed: most subscriptions never
/// do, and a program may have very many.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    /// What waits behind the runs while only the newest of each subject is kept.
    pub(super) latest: Option<Latest>,
    pub(super) marks: Marks,
    pub(super) dropped: u64,
    /// How many of those the subscriber has taken note of.
    pub(super) dropped_told: u64,
    pub(super) replaced: u64,
    /// Messages and bytes dropped or replaced after they were delivered.
    pub(super) evicted: u64,
    pub(super) evicted_bytes: u64,
    pub(super) watchers: Watchers,
    /// What of a budget for all subscriptions is used here, if there is one.
    pub(super) share: Option<Share>,
    pub(super) closing: Closing,
}
