//! News of the connection machine, told to those whom they concern.

use super::Machine;
use crate::event::Event;
use crate::mailbox::End;
use crate::shared::ReplyFailure;
use crate::sync::Arc;
use midge_proto::{ConnectionEvent, Instant, ServerError, Sid};

impl Machine {
    pub(super) fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event() {
            self.handle_event(now, event);
        }
    }

    fn handle_event(&mut self, now: Instant, event: ConnectionEvent) {
        let event = match event {
            ConnectionEvent::AttemptFailed(failure) => Event::AttemptFailed(failure),
            ConnectionEvent::Discovered(addr) => Event::ServerDiscovered(addr),
            ConnectionEvent::Refused { address, reason } => {
                Event::ServerRefused { address, reason: reason.to_string() }
            }
            ConnectionEvent::SecretsWithheld(addr) => Event::SecretsWithheld(addr),
            ConnectionEvent::LameDuck => Event::LameDuckMode,
            ConnectionEvent::ServerError(error) => {
                self.attribute(now, &error);
                Event::ServerError(error)
            }
            _ => return,
        };
        let shared = Arc::clone(&self.shared);
        self.refresh_view(&mut shared.core.lock());
        self.shared.event(event);
    }

    /// Takes a complaint of the server to those it concerns.
    fn attribute(&mut self, _now: Instant, error: &ServerError) {
        let mut denied = Vec::new();
        #[cfg(feature = "jetstream")]
        let mut readers = Vec::new();
        {
            let mut core = self.shared.core.lock();
            core.view.last_error = Some(Box::new(error.clone()));
            core.complaints.push(error);
            if let ServerError::PublishPermission { subject, .. } = error {
                denied = core.requests.remove_where(|waiter| *waiter.subject.as_str() == **subject);
                #[cfg(feature = "jetstream")]
                {
                    readers = core.complaints.push_standing(error);
                }
            }
        }
        #[cfg(feature = "jetstream")]
        readers.iter().for_each(|reader| reader.wake());
        for waiter in denied {
            waiter.answer(Err(ReplyFailure::Denied(error.clone())));
        }
        if let ServerError::SubscribePermission { subject, queue, sid, .. } = error {
            let refused: Vec<Sid> = self
                .connection
                .subscriptions()
                .iter()
                .filter(|(_, subscription)| match sid {
                    Some(sid) => subscription.sid.get() == *sid,
                    None => {
                        *subscription.interest.subject.as_str() == **subject
                            && subscription.interest.queue.as_deref() == queue.as_deref()
                    }
                })
                .map(|(_, subscription)| subscription.sid)
                .collect();
            for sid in refused {
                let deaf = self.shared.core.lock().lose_request_inbox(sid);
                for waiter in deaf {
                    waiter.answer(Err(ReplyFailure::Denied(error.clone())));
                }
                self.remove(sid, End::Refused(error.text().into()));
                self.shared.event(Event::SubscriptionRefused { sid, error: error.clone() });
            }
        }
    }
}
