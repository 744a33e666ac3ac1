//! Consumers: what they are, and the calls about them.

mod config;
mod info;
mod kinds;
pub mod pull;
pub mod push;
mod requests;

pub use config::{AckPolicy, Config, DeliverPolicy, PriorityPolicy, ReplayPolicy};
pub use info::{Info, PriorityGroupState, SequenceInfo};
pub use kinds::{FromConsumer, IntoConsumerConfig, WrongKind};
pub use requests::{
    Action, ConsumerResetResponse, CreateRequest, DeleteRequest, Id, InfoRequest,
    LeaderStepDownRequest, ListRequest, NamesRequest, PauseRequest, PauseResponse,
    PeerRemoveRequest, ResetRequest, UnpinRequest,
};

#[cfg(test)]
mod tests;
