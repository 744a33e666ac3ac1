//! Acknowledgements that are gathered to be told together.

use super::info::{Info, InvalidAckSubject};
use crate::jetstream::consumer::AckPolicy;
use crate::subject::Subject;
use alloc::collections::VecDeque;

/// Which acknowledgements are to be told for a number of messages of one consumer.
///
/// ```
/// use midge_proto::jetstream::consumer::AckPolicy;
/// use midge_proto::jetstream::message::AckGather;
///
/// let mut gather = AckGather::new(AckPolicy::All);
/// for sequence in [1, 3, 2] {
///     gather.add(format!("$JS.ACK.S.C.1.{sequence}.{sequence}.0.0").into())?;
/// }
/// // The last one stands for all before it.
/// assert_eq!(*gather.replies(), ["$JS.ACK.S.C.1.3.3.0.0"]);
/// # Ok::<(), midge_proto::jetstream::message::InvalidAckSubject>(())
/// ```
#[derive(Debug)]
pub struct AckGather {
    policy: AckPolicy,
    /// What to tell, and not told yet.
    replies: VecDeque<Subject>,
    /// For how many messages the last of them stands, where it stands for more than its own.
    covered: u64,
    /// The sequence of the last one, where one stands for all before it.
    last: u64,
}

impl AckGather {
    /// Nothing yet, of a consumer with this policy.
    #[must_use]
    pub const fn new(policy: AckPolicy) -> Self {
        Self { policy, replies: VecDeque::new(), covered: 0, last: 0 }
    }

    /// Adds a message by its reply subject.
    ///
    /// # Errors
    ///
    /// When it is none of a delivered message.
    pub fn add(&mut self, reply: Subject) -> Result<(), InvalidAckSubject> {
        let sequence = Info::parse(reply.as_str())?.stream_sequence;
        match self.policy {
            // The consumer waits for nothing.
            AckPolicy::None => {}
            AckPolicy::All | AckPolicy::FlowControl => self.add_to_last(reply, sequence),
            AckPolicy::Explicit | AckPolicy::Other(_) => self.replies.push_back(reply),
        }
        Ok(())
    }

    fn add_to_last(&mut self, reply: Subject, sequence: u64) {
        if self.replies.is_empty() {
            self.covered = 0;
            self.last = 0;
        }
        self.covered += 1;
        if sequence >= self.last {
            self.last = sequence;
            self.replies.clear();
            self.replies.push_back(reply);
        }
    }

    /// Messages whose acknowledgement is to be told.
    #[must_use]
    pub fn messages(&self) -> u64 {
        match self.replies.len() {
            1 => self.covered.max(1),
            replies => replies as u64,
        }
    }

    /// What is to be told: an acknowledgement to each of these. Take out what was told.
    pub const fn replies(&mut self) -> &mut VecDeque<Subject> {
        &mut self.replies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

    fn reply(sequence: u64) -> Subject {
        format!("$JS.ACK.S.C.1.{sequence}.{sequence}.0.0").into()
    }

    fn gathered(policy: AckPolicy, sequences: &[u64]) -> (u64, Vec<Subject>) {
        let mut gather = AckGather::new(policy);
        for &sequence in sequences {
            gather.add(reply(sequence)).unwrap();
        }
        (gather.messages(), gather.replies().drain(..).collect())
    }

    #[test]
    fn each_is_told_where_each_counts() {
        let all = [3, 1, 2].map(reply).to_vec();
        assert_eq!(gathered(AckPolicy::Explicit, &[3, 1, 2]), (3, all));
    }

    #[test]
    fn the_highest_stands_for_all_where_one_stands_for_those_before() {
        assert_eq!(gathered(AckPolicy::All, &[3, 9, 2]), (3, [reply(9)].to_vec()));
    }

    #[test]
    fn nothing_is_told_where_nothing_is_waited_for() {
        assert_eq!(gathered(AckPolicy::None, &[1, 2]), (0, Vec::new()));
    }

    #[test]
    fn what_was_told_does_not_count_for_what_comes_after() {
        let mut gather = AckGather::new(AckPolicy::All);
        gather.add(reply(9)).unwrap();
        gather.replies().clear();
        assert_eq!(gather.messages(), 0);
        // Delivered again, and with a lower sequence.
        gather.add(reply(4)).unwrap();
        assert_eq!((gather.messages(), gather.replies().clone()), (1, [reply(4)].into()));
    }

    #[test]
    fn what_is_no_delivery_is_refused() {
        let mut gather = AckGather::new(AckPolicy::Explicit);
        assert!(gather.add("orders".into()).is_err());
        assert_eq!(gather.messages(), 0);
    }
}
