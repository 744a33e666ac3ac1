//! What handles ask of subscriptions that share one `SUB`.

use crate::mailbox::{End, Mailbox};
use crate::shared::{Command, Core, Target};
use crate::sync::Arc;
use core::task::Waker;
use midge_proto::{Intake, Interest, Refusal, Sid, Wanted};

impl Core {
    /// Adds a member to the subscription with this subject and group; makes it if there is none.
    pub(crate) fn join_shared(
        &mut self,
        member: Sid,
        interest: &Arc<Interest>,
        mailbox: Arc<Mailbox>,
    ) -> Result<Option<Waker>, Refusal> {
        match self.outbox.intake() {
            Intake::Open => {}
            Intake::PublishOnly | Intake::Draining => return Err(Refusal::Draining),
            Intake::Closed => return Err(Refusal::Closed),
        }
        let wire = match self.sharing.find(interest) {
            Some(wire) => wire,
            None => {
                let sid = self.next_sid();
                self.subscribe(sid, interest, None, Target::Shared(sid))?;
                self.sharing.open(sid, interest);
                sid
            }
        };
        self.sharing.join(wire, member, mailbox);
        Ok(self.unpark_at_once())
    }

    /// Takes a member out; the caller ends the mailbox that is returned, and wakes the driver.
    pub(crate) fn leave_shared(&mut self, member: Sid) -> Option<Arc<Mailbox>> {
        let (mailbox, wanted) = self.sharing.leave(member)?;
        self.settle_wire(wanted);
        Some(mailbox)
    }

    /// A member wants nothing more but what is in flight; a fence behind this ends it.
    pub(crate) fn drain_shared(&mut self, member: Sid) {
        let wanted = self.sharing.drain(member);
        self.settle_wire(wanted);
    }

    fn settle_wire(&mut self, wanted: Wanted) {
        let command = match wanted {
            Wanted::Still => return,
            Wanted::InFlight(sid) => {
                // Without a connection nothing is in flight, and the wire is over at once.
                let fenced = self.outbox.unsubscribe(sid, None);
                Command::DrainSubscription { sid, fenced }
            }
            Wanted::NoMore(sid) => {
                self.outbox.unsubscribe(sid, None);
                Command::Unsubscribe { sid, end: End::Finished }
            }
            Wanted::Over(sid) => Command::Unsubscribe { sid, end: End::Finished },
        };
        self.commands.push(command);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

    use crate::driver::Order;
    use crate::{ConnectOptions, NextError};
    use midge_proto::Instant;
    use std::io;

    #[test]
    fn the_last_one_to_drain_without_a_connection_is_gone_before_an_attempt_fails() {
        let now = Instant::ZERO;
        let options = ConnectOptions::<()>::new().retry_on_initial_connect();
        let (client, mut driver, _first) = options.build("127.0.0.1", now).unwrap();
        let Some(Order::Dial { dial, .. }) = driver.poll_order() else { panic!("no dial") };
        let mut member = client.subscription("s").shared().open().unwrap();
        driver.handle_commands(now);
        assert_eq!(client.subscription_count(), 1);
        member.begin_drain().unwrap();
        driver.handle_commands(now);
        assert_eq!(client.subscription_count(), 0);
        driver.handle_dial_failed(now, dial, &io::ErrorKind::ConnectionRefused.into());
        assert_eq!(member.try_next(), Err(NextError::Finished));
    }
}
