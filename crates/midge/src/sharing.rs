//! What handles ask of subscriptions that share one `SUB`.

use crate::mailbox::{End, Mailbox};
use crate::shared::{Command, Core, Target};
use crate::sync::Arc;
use core::task::Waker;
use midge_proto::{Intake, Interest, OnWire, Refusal, Sid, Wanted};

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
                self.outbox.unsubscribe(sid, None);
                Command::DrainSubscription { sid, fenced: OnWire::Yes }
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
