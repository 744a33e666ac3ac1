//! Consumers that were created for one reading, and go with it.

use crate::error::{PublishError, RequestError};
use crate::event::{ClientError, Event};
use crate::jetstream::consumer::Id;
use crate::jetstream::consumer::deletion::Deletion;
use crate::jetstream::context::Context;
use crate::jetstream::error::Fault;
use crate::jetstream::stream::ConsumerError;
use crate::sync::Arc;
use midge_proto::Refusal;
use midge_proto::jetstream::consumer::DeleteRequest;

/// A consumer that is deleted when this is dropped, without waiting for that, or when the client
/// drains. What goes wrong with it is an event, unless the client has ended before.
pub(in crate::jetstream) struct Owned(Option<Claim>);

struct Claim {
    job: Job,
    /// What a drop and a drain begin.
    deletion: Arc<Deletion>,
}

#[derive(Clone)]
struct Job {
    context: Context,
    id: Id,
}

impl Owned {
    pub(in crate::jetstream) fn new(context: Context, id: Id) -> Self {
        let job = Job { context, id };
        let deletion = Deletion::new(job.context.inner.client.shared(), job.clone().run_alone());
        Self(Some(Claim { job, deletion }))
    }

    /// Deletes it; that it was gone before is no error. A dropped future deletes it without waiting.
    pub(in crate::jetstream) async fn delete(mut self) -> Result<(), ConsumerError> {
        let Some(Claim { job, .. }) = &self.0 else { return Ok(()) };
        let deleted = job.run().await;
        // Up to here a drop deletes it: whoever no longer waits may not have sent anything.
        self.0 = None;
        deleted
    }

    /// It goes with something else.
    pub(in crate::jetstream) fn disown(mut self) {
        self.0 = None;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(claim) = &self.0 {
            claim.deletion.begin();
        }
    }
}

impl Job {
    async fn run(&self) -> Result<(), ConsumerError> {
        match self.context.ask(&DeleteRequest::new(self.id.clone())).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error: ConsumerError = error;
                if error.is_not_found() { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn run_alone(self) {
        match self.run().await {
            Ok(()) => {}
            // A drain has counted it, and a close leaves it.
            Err(error) if is_behind_the_end(&error) => {}
            Err(error) => {
                let (stream, consumer) = (self.id.stream.as_str(), self.id.consumer.as_str());
                let text =
                    format!("consumer {consumer:?} of stream {stream:?} was not deleted: {error}");
                let event = Event::ClientError(ClientError::Other(text));
                self.context.inner.client.shared().event(event);
            }
        }
    }
}

/// Whether the client did not send it because it ends, or ended before the answer.
fn is_behind_the_end(error: &ConsumerError) -> bool {
    matches!(
        error.fault(),
        Fault::Request(
            RequestError::Closed
                | RequestError::Publish(PublishError::Refused(Refusal::Draining | Refusal::Closed))
        )
    )
}
