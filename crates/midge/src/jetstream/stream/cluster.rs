//! Which servers of a cluster have a stream and its consumers, and which of them lead.

use super::{
    CancelMoveRequest, ConsumerError, DeleteStatus, Info, LeaderStepDownRequest, PeerRemoveRequest,
    Placement, Stream,
};
use crate::jetstream::context::RequestError;
use midge_proto::jetstream::consumer;

impl<T> Stream<T> {
    /// Makes the leader of the stream hand over to another server of the cluster.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); and without a cluster.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn leader_step_down(&self) -> Result<DeleteStatus, RequestError> {
        self.context.ask(&LeaderStepDownRequest::new(self.name.clone())).await
    }

    /// Makes the leader of the stream hand over to a server that fits: one
    /// [by name](Placement::preferred), or one of a cluster or with tags.
    ///
    /// # Errors
    ///
    /// As [`leader_step_down`](Self::leader_step_down); and when there is no such server among
    /// those that have the stream.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn leader_step_down_to(
        &self,
        placement: Placement,
    ) -> Result<DeleteStatus, RequestError> {
        let request = LeaderStepDownRequest::new(self.name.clone()).placement(placement);
        self.context.ask(&request).await
    }

    /// Takes the stream away from the server of this name, at once; another server of the cluster
    /// gets a copy, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); without a cluster; and when the
    /// server has no copy, or has the last one.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn remove_peer(&self, peer: impl Into<String>) -> Result<DeleteStatus, RequestError> {
        self.context.ask(&PeerRemoveRequest::new(self.name.clone(), peer)).await
    }

    /// As [`remove_peer`](Self::remove_peer), but another server gets its copy first (2.15).
    ///
    /// # Errors
    ///
    /// As [`remove_peer`](Self::remove_peer); and when no other server can take the copy.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have begun it.
    pub async fn evacuate_peer(
        &self,
        peer: impl Into<String>,
    ) -> Result<DeleteStatus, RequestError> {
        self.context.ask(&PeerRemoveRequest::evacuate(self.name.clone(), peer)).await
    }

    /// Takes back a move to other servers that is under way (2.15); returns the stream with the
    /// configuration that it had before.
    ///
    /// # Errors
    ///
    /// As [`Context::call`](crate::jetstream::Context::call); and when there is none.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn cancel_move(&self) -> Result<Info, RequestError> {
        self.context.ask(&CancelMoveRequest::new(self.name.clone())).await
    }

    /// Makes the leader of a consumer hand over to another server of the cluster.
    ///
    /// # Errors
    ///
    /// As [`leader_step_down`](Self::leader_step_down); and when there is no such consumer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn consumer_leader_step_down(
        &self,
        name: &str,
    ) -> Result<DeleteStatus, ConsumerError> {
        self.context.ask(&consumer::LeaderStepDownRequest::new(self.id(name)?)).await
    }

    /// Takes a consumer away from the server of this name (2.15).
    ///
    /// # Errors
    ///
    /// As [`remove_peer`](Self::remove_peer); and when there is no such consumer.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have done it.
    pub async fn remove_consumer_peer(
        &self,
        name: &str,
        peer: impl Into<String>,
    ) -> Result<DeleteStatus, ConsumerError> {
        self.context.ask(&consumer::PeerRemoveRequest::new(self.id(name)?, peer)).await
    }
}
