//! What a reading that nobody reads any more has been sent goes back to its consumer.

use crate::client::Client;
use crate::jetstream::message::AckKind;
use crate::publish::publish_over;
use crate::subscriber::{Item, Subscriber};
use crate::sync::{Arc, Mutex};
use core::task::{Context, Poll, Waker};
use midge_proto::Message;
use midge_proto::jetstream::Status;
use std::task::Wake;

/// Has the server deliver a message to somebody else.
pub(super) fn give_back(client: &Client, message: &Message) {
    if let Some(reply) = &message.reply
        && Status::of(message).is_none()
    {
        // If that cannot be sent, the server finds out when the time to acknowledge is over.
        let _ = publish_over(client.shared(), reply, None, None, &AckKind::Nak(None).into());
    }
}

/// A subscription that was read, until the server has taken in its end: what comes before that is
/// given back.
///
/// It is its own waker, so whoever brings messages also gives them back, without a task.
pub(super) struct Returning(Mutex<Option<Left>>);

struct Left {
    subscriber: Subscriber,
    client: Client,
}

impl Returning {
    pub(super) fn begin(mut subscriber: Subscriber, client: Client) {
        // A closed client has nothing on its way, but there may be something here still.
        let _ = subscriber.begin_drain();
        Arc::new(Self(Mutex::new(Some(Left { subscriber, client })))).wake();
    }
}

impl Wake for Returning {
    fn wake(self: Arc<Self>) {
        let mut left = self.0.lock();
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        while let Some(Left { subscriber, client }) = &mut *left {
            match subscriber.poll_item(&mut cx) {
                Poll::Ready(Some(Item::Message(message))) => give_back(client, &message),
                Poll::Ready(Some(Item::Gap(_))) => {}
                Poll::Ready(None) => *left = None,
                Poll::Pending => return,
            }
        }
    }
}
