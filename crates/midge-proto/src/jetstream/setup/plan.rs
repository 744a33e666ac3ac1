//! What has to be done, as data.

use crate::jetstream::{consumer, stream};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use serde_json::Value;

/// What has to be done so that there is what there should be.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// These steps, in this order.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// A step for each stream and consumer, also where nothing is to be done.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether all is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| *step.action() == Action::Nothing)
    }

    /// Changes that no server makes, each with its stream or consumer. A plan that has any cannot be
    /// carried out.
    pub fn obstacles(&self) -> impl Iterator<Item = (&Asset, &Change)> {
        self.steps.iter().flat_map(|step| {
            step.changes()
                .iter()
                .filter(|change| change.obstacle().is_some())
                .map(|change| (step.asset(), change))
        })
    }
}

/// A stream or consumer and its changes, a line each; all of them, if nothing differs.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

/// What a step is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// A stream.
    Stream {
        /// Its name.
        name: String,
    },
    /// A consumer.
    Consumer {
        /// The name of its stream.
        stream: String,
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream { name } => write!(f, "stream {name}"),
            Self::Consumer { stream, name } => write!(f, "consumer {name} of stream {stream}"),
        }
    }
}

/// What has to be done about one stream or consumer.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// The stream has to be created.
    CreateStream(Box<stream::Config>),
    /// The stream has to get this configuration.
    UpdateStream(Box<stream::Config>),
    /// The consumer has to be created.
    CreateConsumer(Box<consumer::Config>),
    /// The consumer has to get this configuration.
    UpdateConsumer(Box<consumer::Config>),
}

/// One stream or consumer: what differs, and what has to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    asset: Asset,
    action: Action,
    changes: Vec<Change>,
}

impl Step {
    pub(super) const fn new(asset: Asset, action: Action, changes: Vec<Change>) -> Self {
        Self { asset, action, changes }
    }

    /// What it is about.
    #[must_use]
    pub const fn asset(&self) -> &Asset {
        &self.asset
    }

    /// What has to be done.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// What differs; nothing if it is not there yet.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.action {
            Action::Nothing => "as it should be",
            Action::CreateStream(_) | Action::CreateConsumer(_) => "create",
            Action::UpdateStream(_) | Action::UpdateConsumer(_) => "update",
        };
        writeln!(f, "{}: {what}", self.asset)?;
        self.changes.iter().try_for_each(|change| writeln!(f, "  {change}"))
    }
}

/// A field that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    field: String,
    from: Option<Value>,
    to: Option<Value>,
    obstacle: Option<&'static str>,
}

impl Change {
    pub(super) const fn new(
        field: String,
        from: Option<Value>,
        to: Option<Value>,
        obstacle: Option<&'static str>,
    ) -> Self {
        Self { field, from, to, obstacle }
    }

    /// The field by its name on the wire; a key of the metadata as `metadata.<key>`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What it is, as JSON; `None` if it is absent.
    #[must_use]
    pub fn from_json(&self) -> Option<String> {
        self.from.as_ref().map(|value| format!("{value}"))
    }

    /// What it should be, as JSON; `None` if it should be absent.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        self.to.as_ref().map(|value| format!("{value}"))
    }

    /// Why it cannot be changed like that, if it cannot: the stream or consumer would have to be
    /// made anew.
    #[must_use]
    pub const fn obstacle(&self) -> Option<&'static str> {
        self.obstacle
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| show(&self.field, value.as_ref());
        write!(f, "{}: {} -> {}", self.field, show(&self.from), show(&self.to))?;
        self.obstacle.map_or(Ok(()), |why| write!(f, " (impossible: {why})"))
    }
}

/// Fields that are nanoseconds on the wire, to be shown as what they are.
const DURATIONS: [&str; 9] = [
    "ack_wait",
    "duplicate_window",
    "idle_heartbeat",
    "inactive_threshold",
    "max_age",
    "max_expires",
    "priority_timeout",
    "subject_delete_marker_ttl",
    "backoff",
];

pub(super) fn show(field: &str, value: Option<&Value>) -> Cow<'static, str> {
    let Some(value) = value else { return "unset".into() };
    let is_duration = DURATIONS.contains(&field);
    match value.as_u64() {
        Some(nanos) if is_duration => format!("{:?}", Duration::from_nanos(nanos)).into(),
        Some(_) | None => format!("{value}").into(),
    }
}
