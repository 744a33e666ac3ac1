//! Reading a stream in order, each message once.

use super::{Consumer, StreamError, pull, push};
use crate::error::{PublishError, RequestError};
use crate::jetstream::consumer::error::{MessagesError, MessagesFault};
use crate::jetstream::consumer::handled::reads_on;
use crate::jetstream::consumer::reading::{Desk, Machine, Reading, Terms, open};
use crate::jetstream::context::{ConsumerInfoError, Context};
use crate::jetstream::error::{CallError, Fault};
use crate::subscriber::Subscriber;
use bytes::Bytes;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;
use midge_proto::jetstream::consume::{
    self, CreateFault, OrderedAction, OrderedEnd, OrderedEvent, OrderedOptions, PullOptions,
    ResumeToken, Verdict,
};
use midge_proto::jetstream::consumer::{
    Action, Config, CreateRequest, FromConsumer, Id, Info, IntoConsumerConfig,
};
use midge_proto::jetstream::{InvalidName, StreamName};
use midge_proto::{Instant, ServerError};

/// The reader is told of attempts in vain from so many in a row on: those before pass while a
/// leader is elected.
const FAILURES_TOLD: u32 = 3;

/// The messages of a stream, in order and each once, for as long as they are asked for.
///
/// Whenever the consumer cannot be trusted any more (a gap, silence, a lost connection, another
/// leader, a consumer that is gone) another one is made that begins behind the last message; as long
/// as none came, it begins where the first one did, so that new messages are not skipped that come
/// meanwhile. That is tried for ever, with pauses from 100 ms to 10 s. What passes by itself is told
/// to [`on_event`](OrderedBuilder::on_event) alone; an error is an item only from the third attempt in
/// vain on, and reading goes on behind it unless it [is final](MessagesError::is_final).
///
/// The consumer is deleted when this is dropped, stopped or at its end.
pub struct Ordered {
    reading: Reading<Ordering>,
    stream: String,
}

/// What an [`Ordered`] carries.
struct Ordering {
    machine: consume::Ordered,
    creating: Option<Creating>,
    /// What the next consumer pushes to, until the reading takes it.
    subscriber: Option<Subscriber>,
    /// Why the last attempt was in vain.
    trouble: String,
    /// That, if the server does not let this user do what was attempted.
    denied: Option<ServerError>,
    listener: Option<Listener>,
}

/// A consumer that is being created.
struct Creating {
    name: String,
    call: Call,
}

type Call = Pin<Box<dyn Future<Output = Result<Info, CallError>> + Send>>;
type Listener = Box<dyn FnMut(&OrderedEvent) + Send>;

impl Ordering {
    fn create(&mut self, now: Instant, desk: &Desk, name: String, config: Config) {
        match self.begin_creation(desk, config) {
            Ok(call) => self.creating = Some(Creating { name, call }),
            Err(error) => self.fail(now, &name, &error),
        }
    }

    fn begin_creation(&mut self, desk: &Desk, config: Config) -> Result<Call, CallError> {
        if let Some(subject) = &config.deliver_subject {
            self.subscriber = Some(open(desk.client().subscription(subject.clone()))?);
        }
        let request = CreateRequest::new(desk.id.stream.clone(), config)?.action(Action::Create);
        let context = desk.context.clone();
        Ok(Box::pin(async move { context.ask(&request).await }))
    }

    /// Where a consumer begins tells only what it says before it has delivered anything.
    fn begin_behind(&mut self, info: &Info) {
        if info.delivered.consumer_sequence == 0 {
            self.machine.handle_start(info.delivered.stream_sequence);
        }
    }

    fn fail(&mut self, now: Instant, name: &str, error: &CallError) {
        self.trouble = error.to_string();
        if let Fault::Request(RequestError::Denied(error)) = error.fault() {
            self.denied = Some(error.clone());
        }
        let fault = match error.fault() {
            Fault::Request(_) => CreateFault::Unanswered,
            _ => CreateFault::Refused,
        };
        self.machine.handle_create_failed(now, name, fault);
    }

    /// Ready when there is an answer to a creation.
    #[cold]
    fn poll_creation(&mut self, now: Instant, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Some(Creating { call, .. }) = &mut self.creating else { return Poll::Pending };
        let answer = core::task::ready!(call.as_mut().poll(cx));
        if let Some(Creating { name, .. }) = self.creating.take() {
            match answer {
                Ok(info) => {
                    self.begin_behind(&info);
                    self.machine.handle_created(now, &name);
                }
                Err(error) => self.fail(now, &name, &error),
            }
        }
        Poll::Ready(())
    }

    #[cold]
    fn act(
        &mut self,
        now: Instant,
        desk: &Desk,
        action: OrderedAction,
    ) -> Result<(), PublishError> {
        match action {
            OrderedAction::Create { name, config } => self.create(now, desk, name, *config),
            OrderedAction::Delete { name } => {
                if let Ok(id) = id_of(desk, &name) {
                    desk.delete(&id)?;
                }
            }
            OrderedAction::Pull { name, request } => {
                if let Ok(id) = id_of(desk, &name) {
                    desk.pull(&id, request.token, &request.config)?;
                }
            }
            OrderedAction::Resume(subject) => desk.publish(&subject, None, &Bytes::new())?,
            // A later core may order what this one cannot do; none does.
            _ => {}
        }
        Ok(())
    }
}

fn id_of(desk: &Desk, name: &str) -> Result<Id, InvalidName> {
    Id::parse(&desk.id.stream, name)
}

impl Machine for Ordering {
    #[inline]
    fn handle_message(&mut self, now: Instant, message: &crate::Message) -> Verdict {
        self.machine.handle_message(now, message)
    }

    #[inline]
    fn handle_taken(&mut self, now: Instant, message: &crate::Message) {
        self.machine.handle_taken(now, 1, message.length as u64);
    }

    fn handle_started(&mut self, now: Instant) {
        self.machine.handle_resumed(now);
    }

    fn handle_resumed(&mut self, now: Instant) {
        self.machine.handle_resumed(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.machine.handle_timeout(now);
    }

    fn handle_disconnected(&mut self) {
        self.creating = None;
        self.machine.handle_disconnected();
    }

    fn handle_denied(&mut self, now: Instant, desk: &Desk, subject: &str, error: &ServerError) {
        let pushes = self.machine.config().deliver_subject.is_some();
        let pulls = |id| desk.pulls_on(&id, subject);
        if pushes || id_of(desk, self.machine.consumer()).is_ok_and(pulls) {
            self.machine.handle_denied(now, subject, error.clone());
        }
    }

    fn consumer(&self) -> Option<&str> {
        Some(self.machine.consumer())
    }

    fn handle_reconnected(&mut self, _: Instant) {
        self.machine.handle_reconnected();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    #[inline]
    fn work(
        &mut self,
        now: Instant,
        desk: &Desk,
        cx: &mut TaskContext<'_>,
    ) -> Result<(), PublishError> {
        loop {
            while let Some(action) = self.machine.poll_action() {
                self.act(now, desk, action)?;
            }
            if self.creating.is_none() || self.poll_creation(now, cx).is_pending() {
                return Ok(());
            }
        }
    }

    #[inline]
    fn poll_trouble(&mut self) -> Option<MessagesFault> {
        while let Some(event) = self.machine.poll_event() {
            if let Some(listener) = &mut self.listener {
                listener(&event);
            }
            match event {
                OrderedEvent::Retry { failures, .. } => {
                    // That does not pass by itself.
                    if let Some(error) = self.denied.take() {
                        return Some(MessagesFault::Denied(error));
                    }
                    if failures >= FAILURES_TOLD {
                        return Some(MessagesFault::Recreate(self.trouble.clone()));
                    }
                }
                OrderedEvent::Denied(error) if self.machine.config().deliver_subject.is_some() => {
                    return Some(MessagesFault::Denied(error));
                }
                OrderedEvent::Denied(error) => {
                    self.trouble = error.to_string();
                    self.denied = Some(error);
                }
                OrderedEvent::Lost(status) => self.trouble = status.to_string(),
                OrderedEvent::MissedHeartbeat => {
                    self.trouble = "nothing was heard of the consumer".into();
                }
                _ => {}
            }
        }
        None
    }

    #[inline]
    fn end(&self) -> Option<Result<(), MessagesFault>> {
        self.machine.end_reason().map(|end| match *end {
            OrderedEnd::GaveUp { attempts } => {
                Err(MessagesFault::GaveUp { attempts, reason: self.trouble.clone() })
            }
            _ => Ok(()),
        })
    }

    #[inline]
    fn poll_subscriber(&mut self) -> Option<Subscriber> {
        self.subscriber.take()
    }

    fn handle_over(&mut self, desk: &Desk) {
        self.creating = None;
        self.machine.stop();
        while let Some(action) = self.machine.poll_action() {
            if let OrderedAction::Delete { name } = action
                && let Ok(id) = id_of(desk, &name)
            {
                // The server deletes it when nobody has used it for a while.
                let _ = desk.delete(&id);
            }
        }
    }
}

reads_on!(Ordered);

impl Ordered {
    /// The sequence of the last message that was read.
    #[must_use]
    pub const fn position(&self) -> Option<u64> {
        self.reading.machine().machine.position()
    }

    /// The consumer that is read from or being created, or the last one.
    #[must_use]
    pub fn consumer(&self) -> &str {
        self.reading.machine().machine.consumer()
    }

    /// Asks what the consumer is and how far it is.
    ///
    /// # Errors
    ///
    /// As [`Consumer::info`]; between two consumers there is none.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn consumer_info(&self) -> Result<Info, ConsumerInfoError> {
        let desk = self.reading.desk();
        desk.context.consumer_info(id_of(desk, self.consumer())?).await
    }

    /// Where this reading is: [`Context::resume_ordered`] goes on behind it, here or elsewhere.
    #[must_use]
    pub fn token(&self) -> ResumeToken {
        self.reading.machine().machine.token(&self.stream)
    }
}

impl fmt::Debug for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordered")
            .field("stream", &self.stream)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

/// How a stream is read in order; made by `stream` of an ordered consumer, or by
/// [`Context::resume_ordered`].
#[must_use = "reading begins with `messages`"]
pub struct OrderedBuilder<C> {
    context: Context,
    stream: String,
    config: Config,
    adopted: Option<Box<Info>>,
    position: Option<u64>,
    pull: PullOptions,
    heartbeat: Option<Duration>,
    max_attempts: Option<u32>,
    listener: Option<Listener>,
    kind: PhantomData<fn() -> C>,
}

impl<C> OrderedBuilder<C> {
    fn new(context: Context, stream: String, config: Config) -> Self {
        Self {
            context,
            stream,
            config,
            adopted: None,
            position: None,
            pull: PullOptions::default(),
            heartbeat: None,
            max_attempts: None,
            listener: None,
            kind: PhantomData,
        }
    }

    /// Gives up, with a final error, after so many attempts in a row to have a consumer that brings
    /// something. Default: never.
    pub fn max_reset_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Calls `listener` with everything that happens to the consumers, also what passes by itself.
    /// It is called while the messages are polled, and should return soon.
    pub fn on_event(mut self, listener: impl FnMut(&OrderedEvent) + Send + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Begins to read. The consumer that is there is used, so that this takes no round trip.
    ///
    /// # Errors
    ///
    /// The heartbeat is above half of the time of a pull, a name is none, or the client is closed or
    /// draining.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has asked for nothing.
    pub async fn messages(self) -> Result<Ordered, StreamError> {
        let mut pull = self.pull;
        pull.heartbeat = self.heartbeat.unwrap_or_else(|| pull.heartbeat.min(pull.expires / 2));
        let client = &self.context.inner.client;
        // Readers of the same configuration must not take each other's consumers.
        let deliver_prefix = client.new_inbox();
        let unique = deliver_prefix.rsplit('.').next().unwrap_or_default();
        let name_prefix = match &self.config.name {
            Some(name) => format!("{name}_{unique}"),
            None => unique.to_owned(),
        };
        let adopted = self.adopted;
        let name = adopted.as_ref().map_or(&name_prefix, |info| &info.name);
        let id = Id::new(StreamName::new(&self.stream)?, name.parse()?);
        let subscriber = match &self.config.deliver_subject {
            Some(subject) => Some(open(client.subscription(subject.clone()))?),
            None => None,
        };
        let terms = Terms::from(&self.config);
        let now = client.shared().clock.now();
        let machine = consume::Ordered::new(
            now,
            OrderedOptions {
                config: self.config,
                pull,
                name_prefix,
                deliver_prefix,
                adopted: adopted.as_ref().map(|info| info.name.clone()),
                position: self.position,
                max_attempts: self.max_attempts,
            },
        )?;
        let mut machine = Ordering {
            machine,
            creating: None,
            subscriber: None,
            trouble: String::new(),
            denied: None,
            listener: self.listener,
        };
        if let Some(info) = &adopted {
            machine.begin_behind(info);
        }
        let desk = Desk::new(self.context, id)?;
        let subscriber = match subscriber {
            Some(subscriber) => subscriber,
            None => desk.listen()?,
        };
        let reading = Reading::new(machine, desk, subscriber, terms).begin();
        Ok(Ordered { reading, stream: self.stream })
    }
}

impl<C> fmt::Debug for OrderedBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderedBuilder")
            .field("stream", &self.stream)
            .field("config", &self.config)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl OrderedBuilder<pull::OrderedConfig> {
    /// Messages that are asked for ahead of the reader. Default 500; 0 is no limit but that of the
    /// bytes, without which it is an error.
    pub fn max_messages_per_batch(mut self, batch: usize) -> Self {
        self.pull.max_messages = batch;
        self
    }

    /// Bytes that are asked for ahead of the reader, subjects and headers included; 0 (the default)
    /// is no limit.
    pub fn max_bytes_per_batch(mut self, max_bytes: usize) -> Self {
        self.pull.max_bytes = max_bytes;
        self
    }

    /// How long the server keeps a pull. Default 30 s.
    pub fn expires(mut self, expires: Duration) -> Self {
        self.pull.expires = expires;
        self
    }

    /// Time after which an idle consumer gives a sign of life, at most half of
    /// [`expires`](Self::expires). After twice that time without a word another consumer is made.
    /// Default 15 s, or half of `expires` where that is less.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }
}

impl<C: IntoConsumerConfig + Clone> Consumer<C> {
    fn ordered(self) -> OrderedBuilder<C> {
        let untouched = self.info.delivered.consumer_sequence == 0;
        let config = self.config.into_consumer_config();
        let stream = self.info.stream_name.clone();
        let adopted = untouched.then(|| Box::new(self.info));
        OrderedBuilder { adopted, ..OrderedBuilder::new(self.context, stream, config) }
    }
}

macro_rules! ordered_consumer {
    ($config:ty) => {
        impl Consumer<$config> {
            /// The messages of the stream, in order and each once; see [`Ordered`].
            ///
            /// The consumer is used as it is, replaced whenever that is needed, and deleted at the
            /// end.
            ///
            /// # Errors
            ///
            /// As [`OrderedBuilder::messages`].
            ///
            /// # Cancel safety
            ///
            /// A dropped future has asked for nothing.
            pub async fn messages(self) -> Result<Ordered, StreamError> {
                self.stream().messages().await
            }

            /// The messages of the stream, in order and each once, with everything that can be set.
            pub fn stream(self) -> OrderedBuilder<$config> {
                self.ordered()
            }
        }
    };
}

ordered_consumer!(pull::OrderedConfig);
ordered_consumer!(push::OrderedConfig);

impl Context {
    /// Goes on reading a stream in order where another reading was, in this process or another:
    /// nothing is missing, and nothing comes twice.
    ///
    /// It pulls, however the other one read.
    pub fn resume_ordered(&self, token: ResumeToken) -> OrderedBuilder<pull::OrderedConfig> {
        let ResumeToken { stream, position, config } = token;
        // Whoever read this pushed or pulled; the rest of an ordered consumer is the same.
        let config = Config { deliver_subject: None, ..config };
        let config = pull::OrderedConfig::try_from_consumer_config(config).unwrap_or_default();
        let config = config.into_consumer_config();
        OrderedBuilder { position, ..OrderedBuilder::new(self.clone(), stream, config) }
    }
}
