//! Full queues: reading rests for one, or the server is asked to stop a subscription.

use super::Machine;
use crate::event::{Event, ReadingState};
use crate::mailbox::Mailbox;
use crate::sync::Arc;
use midge_proto::{OnWire, Sid};

impl Machine {
    /// Stops reading until this queue has room.
    pub(super) fn pause_reading(&mut self, mailbox: Arc<Mailbox>) {
        if self.paused.is_empty() {
            self.shared.event(Event::Reading(ReadingState::Paused));
        }
        self.paused.push(mailbox);
    }

    /// Asks the server to stop a subscription until its queue has room.
    pub(super) fn suspend(&mut self, sid: Sid, mailbox: Arc<Mailbox>) {
        if !self.connection.subscriptions().pause(sid) {
            return;
        }
        self.shared.core.lock().outbox.unsubscribe(sid, None);
        mailbox.note_unseen();
        self.suspended.push((sid, mailbox));
        self.shared.event(Event::SubscriptionPaused(sid.get()));
    }

    /// Goes on for all queues that have room by now, or have ended.
    pub(super) fn resume(&mut self) {
        if !self.paused.is_empty() {
            self.paused.retain(|mailbox| mailbox.is_pausing());
            if self.paused.is_empty() {
                self.shared.event(Event::Reading(ReadingState::Resumed));
            }
        }
        if !self.suspended.is_empty() {
            let suspended = core::mem::take(&mut self.suspended);
            let (full, free) = suspended.into_iter().partition(|(_, queue)| queue.is_pausing());
            self.suspended = full;
            free.into_iter().for_each(|(sid, _): (Sid, _)| self.unsuspend(sid));
        }
    }

    fn unsuspend(&mut self, sid: Sid) {
        // It may have ended, or begun to drain.
        let Some(subscription) = self.connection.subscriptions().paused(sid) else { return };
        let (subject, queue) =
            (subscription.interest.subject.as_bytes(), subscription.interest.queue_bytes());
        let on_wire = {
            let outbox = &mut self.shared.core.lock().outbox;
            // A client that drains takes no subscription on again.
            let Ok(on_wire) = outbox.subscribe(subject, queue, sid) else {
                return;
            };
            if on_wire == OnWire::Yes
                && let Some(remaining) = subscription.remaining()
            {
                outbox.unsubscribe(sid, Some(remaining));
            }
            on_wire
        };
        self.connection.subscriptions().resume(sid, on_wire);
        self.shared.event(Event::SubscriptionResumed(sid.get()));
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::{Driver, Order};
    use crate::{Client, ConnectOptions, SlowConsumerPolicy};
    use core::pin::pin;
    use core::sync::atomic::{AtomicBool, Ordering};
    use core::task::{Context, Waker};
    use core::time::Duration;
    use midge_proto::Instant;
    use std::io::IoSlice;
    use std::sync::Arc;
    use std::task::Wake;

    const INTERVAL: Duration = Duration::from_secs(1);

    /// A connected client whose socket is a test.
    struct Wire {
        driver: Driver,
        now: Instant,
    }

    impl Wire {
        fn connected() -> (Client, Self) {
            let options = ConnectOptions::<()>::new().ping_interval(INTERVAL);
            let (client, driver, _first) = options.build("127.0.0.1", Instant::ZERO).unwrap();
            let mut wire = Self { driver, now: Instant::ZERO };
            while let Some(order) = wire.driver.poll_order() {
                if let Order::Dial { dial, .. } = order {
                    wire.driver.handle_dialed(wire.now, dial, None);
                }
            }
            wire.says(b"INFO {\"max_payload\":1048576}\r\n");
            for _ in 0..2 {
                assert!(wire.written().ends_with("PING\r\n"));
                wire.says(b"PONG\r\n");
            }
            (client, wire)
        }

        fn says(&mut self, bytes: &[u8]) {
            self.driver.read_buf().unwrap()[..bytes.len()].copy_from_slice(bytes);
            self.driver.handle_read(self.now, bytes.len());
        }

        /// What is written once everything that handles asked for is taken in.
        fn written(&mut self) -> String {
            self.driver.handle_commands(self.now);
            let mut written = Vec::new();
            while self.driver.prepare_write(self.now) {
                let mut slices = [IoSlice::new(&[]); 8];
                let count = self.driver.write_slices(&mut slices);
                let before = written.len();
                slices[..count].iter().for_each(|slice| written.extend_from_slice(slice));
                self.driver.handle_written(self.now, written.len() - before);
            }
            String::from_utf8(written).unwrap()
        }

        /// Lets an interval of the keep-alive pass; what is written then.
        fn rests(&mut self) -> String {
            self.now = self.now + INTERVAL;
            self.driver.handle_timeout(self.now);
            self.written()
        }
    }

    #[test]
    fn a_connection_that_is_not_read_is_not_taken_for_dead_and_is_asked_again_afterwards() {
        let (client, mut wire) = Wire::connected();
        let policy = SlowConsumerPolicy::BackPressure;
        let builder = client.subscription("s").capacity(1).slow_consumer(policy);
        let mut full = builder.open().unwrap();
        assert_eq!(wire.written(), "SUB s 2\r\n".replace('2', &full.sid().to_string()));
        let message = format!("MSG s {} 1\r\nx\r\n", full.sid());
        wire.says(message.repeat(2).as_bytes());
        assert!(wire.driver.read_buf().is_none(), "reading rests");
        for _ in 0..9 {
            assert_eq!(wire.rests(), "");
        }
        assert_eq!(client.connection_state(), crate::State::Connected);

        // Ended by a PONG, without a word from a handle.
        full.begin_drain().unwrap();
        assert!(wire.written().ends_with("PING\r\n"));
        wire.says(b"PONG\r\n");
        assert!(wire.driver.read_buf().is_some(), "reading goes on");
        assert_eq!(wire.rests(), "PING\r\n");
    }

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_request_whose_subscription_leaves_no_room_for_it_wakes_the_driver() {
        let (client, mut wire) = Wire::connected();
        client.set_write_high_water(0);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        wire.driver.park(&Arc::clone(&woken).into());
        let mut request = pin!(client.request("a", "x".into()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(request.as_mut().poll(&mut cx).is_pending());
        assert!(woken.0.load(Ordering::Relaxed));
        assert!(wire.written().starts_with("SUB _INBOX."));
        assert!(request.as_mut().poll(&mut cx).is_pending());
        assert!(wire.written().starts_with("PUB a _INBOX."));
    }
}
