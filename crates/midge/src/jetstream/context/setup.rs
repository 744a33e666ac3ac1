//! Streams and consumers brought to what they should be.

use super::{ConsumerInfoError, Context};
use crate::jetstream::error::CallError;
use core::fmt;
use midge_proto::jetstream::setup::{Action, Asset, Plan, Setup, Step};
use midge_proto::jetstream::{ErrorCode, StreamName, consumer, stream};
use std::collections::BTreeMap;

impl Context {
    /// Compares what there should be with what there is. Nothing is changed.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn plan(&self, setup: &Setup) -> Result<Plan, CallError> {
        let mut steps = Vec::new();
        let mut streams = BTreeMap::new();
        for wanted in setup.streams() {
            let actual = self.stream_config(wanted.name(), &mut streams).await?;
            steps.push(wanted.plan(actual.as_ref()));
        }
        for (stream, wanted) in setup.consumers() {
            let name = StreamName::new(stream)?;
            let config = self.stream_config(stream, &mut streams).await?;
            let actual = match &config {
                None => None,
                Some(_) => {
                    let id = consumer::Id::new(name, wanted.name().clone());
                    let info: Result<_, ConsumerInfoError> =
                        self.ask(&consumer::InfoRequest::new(id)).await;
                    found(info.map_err(CallError::of), ErrorCode::CONSUMER_NOT_FOUND)?
                }
            };
            let limits = config.as_ref().and_then(|config| config.consumer_limits.as_ref());
            steps.push(wanted.plan(stream, actual.as_ref().map(|info| &info.config), limits));
        }
        Ok(Plan::new(steps))
    }

    /// What a stream is, asked once.
    async fn stream_config(
        &self,
        stream: &str,
        known: &mut BTreeMap<String, Option<stream::Config>>,
    ) -> Result<Option<stream::Config>, CallError> {
        if let Some(known) = known.get(stream) {
            return Ok(known.clone());
        }
        let answer = self.ask(&stream::InfoRequest::new(StreamName::new(stream)?)).await;
        let config = found(answer, ErrorCode::STREAM_NOT_FOUND)?.map(|page| page.info.config);
        known.insert(stream.to_owned(), config.clone());
        Ok(config)
    }

    /// Carries out a plan, step by step, and returns how many streams and consumers were created or
    /// changed.
    ///
    /// Servers know no condition for such changes: what somebody else changes between
    /// [`plan`](Self::plan) and this is overwritten, as far as the plan changes that stream or
    /// consumer.
    ///
    /// # Errors
    ///
    /// When the plan has [obstacles](Plan::obstacles), before anything is done; or a step fails:
    /// those before it are done, and those behind it are not.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done a part of it. Plan again, and carry that out.
    pub async fn apply(&self, plan: &Plan) -> Result<usize, SetupError> {
        if let Some((asset, change)) = plan.obstacles().next() {
            let obstacle = format!("{change}");
            return Err(SetupError::Impossible { asset: asset.clone(), change: obstacle });
        }
        let mut done = 0;
        for step in plan.steps() {
            match self.take(step).await {
                Ok(changed) => done += usize::from(changed),
                Err(error) => {
                    return Err(SetupError::Failed { asset: step.asset().clone(), done, error });
                }
            }
        }
        Ok(done)
    }

    async fn take(&self, step: &Step) -> Result<bool, CallError> {
        let put = |config: &consumer::Config, action| {
            let stream = match step.asset() {
                Asset::Consumer { stream, .. } | Asset::Stream { name: stream } => stream,
            };
            let request = consumer::CreateRequest::new(StreamName::new(stream)?, config)?;
            Ok::<_, CallError>(request.action(action))
        };
        match step.action() {
            Action::Nothing => return Ok(false),
            Action::CreateStream(config) => {
                self.ask(&stream::CreateRequest::new(&**config)?).await.map(drop)
            }
            Action::UpdateStream(config) => {
                self.ask(&stream::UpdateRequest::new(&**config)?).await.map(drop)
            }
            Action::CreateConsumer(config) => {
                self.ask(&put(config, consumer::Action::Create)?).await.map(drop)
            }
            Action::UpdateConsumer(config) => {
                self.ask(&put(config, consumer::Action::Update)?).await.map(drop)
            }
        }
        .map(|()| true)
    }
}

/// What is not there is an answer, too.
fn found<T>(answer: Result<T, CallError>, missing: ErrorCode) -> Result<Option<T>, CallError> {
    match answer {
        Err(error) if error.error_code() == Some(missing) => Ok(None),
        answer => answer.map(Some),
    }
}

/// A plan was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// It has a change that no server makes; nothing was done.
    Impossible {
        /// The stream or consumer.
        asset: Asset,
        /// The change, and why it is impossible.
        change: String,
    },
    /// A step failed.
    Failed {
        /// The stream or consumer.
        asset: Asset,
        /// How many streams and consumers were created or changed before.
        done: usize,
        /// Why.
        error: CallError,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible { asset, change } => {
                write!(f, "{asset} would have to be made anew: {change}")
            }
            Self::Failed { asset, done, error } => {
                write!(f, "{asset} was not set up, after {done} changes: {error}")
            }
        }
    }
}

impl core::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Impossible { .. } => None,
            Self::Failed { error, .. } => error.source(),
        }
    }
}
