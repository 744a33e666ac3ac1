//! Backups of streams: out as bytes, and back.
//!
//! ```no_run
//! use futures_io::{AsyncRead, AsyncWrite};
//! use midge::jetstream::Context;
//!
//! # async fn copy<R, W>(_: R, _: &mut W) -> std::io::Result<u64> { Ok(0) }
//! # async fn example<W: AsyncWrite, R: AsyncRead>(jetstream: Context, mut file: W, saved: R)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! // Out: bytes, and what they are of, which has to be kept with them.
//! let mut backup = jetstream.get_stream("ORDERS").await?.snapshot().open().await?;
//! let description = backup.snapshot().to_json();
//! copy(&mut backup, &mut file).await?;
//!
//! // And back, under another name.
//! let snapshot = midge::jetstream::stream::Snapshot::from_json(&description)?;
//! let mut restore = jetstream.restore_stream(snapshot).name("ORDERS2").open().await?;
//! copy(saved, &mut restore).await?;
//! let stream = restore.finish().await?;
//! # Ok(())
//! # }
//! ```

mod restore;
mod snapshot;

pub use midge_proto::jetstream::stream::{
    RESTORE_CHUNK_SIZE, RESTORE_WINDOW, SNAPSHOT_PATIENCE, Snapshot, SnapshotFailure,
};
pub use restore::{
    RESTORE_FINISH_TIMEOUT, RESTORE_TIMEOUT, RestoreBuilder, RestoreError, StreamRestore,
};
pub use snapshot::{SnapshotBuilder, SnapshotError, StreamSnapshot};
