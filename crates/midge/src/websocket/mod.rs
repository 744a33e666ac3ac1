//! WebSocket as a layer of bytes inside the driver, and what its request carries.

mod layer;
mod request;

pub(crate) use layer::WebSocketLayer;
pub(crate) use request::WebSocketOptions;
