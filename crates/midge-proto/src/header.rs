//! Headers: names, values, the map of them, and the block they are on the wire.

mod block;
mod constants;
mod error;
mod map;
mod name;
#[cfg(feature = "serde")]
mod serde_impls;
mod trace;
mod value;

pub(crate) use block::parse_status;
pub use block::{HeaderView, HeaderViewIter};
pub use constants::*;
pub use error::{
    HeaderBlockError, HeaderBlockFault, InvalidHeader, ParseHeaderNameError, ParseHeaderValueError,
};
pub use map::{GetAll, HeaderMap, IntoIter, Iter};
pub use name::{AsHeaderName, HeaderName, IntoHeaderName};
pub use trace::{InvalidTraceParent, TraceDelivery, TraceParent};
pub use value::{HeaderValue, IntoHeaderValue};

#[cfg(test)]
mod tests;
