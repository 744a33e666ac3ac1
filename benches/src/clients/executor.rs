//! What a client and its asynchronous workload run on.

use core::pin::Pin;

use tokio::runtime::Builder;

use crate::Result;
use crate::args::Args;

/// A runtime with tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// tokio with a worker a core, or as many as `--workers` says.
    TokioMulti,
    /// tokio on the main thread alone.
    TokioCurrent,
    /// The global executor of smol, with `SMOL_THREADS` threads.
    #[cfg(feature = "midge")]
    Smol,
    /// The executor of async-std, with `ASYNC_STD_THREAD_COUNT` threads.
    #[cfg(feature = "midge")]
    AsyncStd,
}

/// A task that was spawned.
///
/// Hold it as long as it shall go on: some runtimes cancel a task that nobody can wait for.
pub type Task<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl Executor {
    /// The one of this name on the command line.
    pub(super) fn parse(name: &str) -> Result<Self> {
        match name {
            "multi" => Ok(Self::TokioMulti),
            "current" => Ok(Self::TokioCurrent),
            #[cfg(feature = "midge")]
            "smol" => Ok(Self::Smol),
            #[cfg(feature = "midge")]
            "async-std" => Ok(Self::AsyncStd),
            other => {
                let known = "multi, current, smol or async-std";
                Err(format!("--runtime {other:?}: {known}").into())
            }
        }
    }

    /// Whether it is tokio, the one runtime that every client has.
    pub(super) fn is_tokio(self) -> bool {
        matches!(self, Self::TokioMulti | Self::TokioCurrent)
    }

    /// Spawns a task from within another.
    pub fn spawn<T: Send + 'static>(
        self,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Task<T> {
        match self {
            Self::TokioMulti | Self::TokioCurrent => {
                let task = tokio::spawn(future);
                Box::pin(async move { task.await? })
            }
            #[cfg(feature = "midge")]
            Self::Smol => Box::pin(smol::spawn(future)),
            #[cfg(feature = "midge")]
            Self::AsyncStd => Box::pin(async_std::task::spawn(future)),
        }
    }

    /// Starts it and runs `future` to its end, in a spawned task: the body of a `block_on` is not
    /// run by a worker.
    ///
    /// Thousands of connections need not be taken down in good order, so what else runs by then is
    /// not waited for.
    pub(super) fn run<T: Send + 'static>(
        self,
        args: &Args,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut tokio = match self {
            Self::TokioMulti => Builder::new_multi_thread(),
            Self::TokioCurrent => Builder::new_current_thread(),
            #[cfg(feature = "midge")]
            Self::Smol => return smol::block_on(self.spawn(future)),
            #[cfg(feature = "midge")]
            Self::AsyncStd => return async_std::task::block_on(self.spawn(future)),
        };
        if let Some(workers) = args.text("workers") {
            tokio.worker_threads(workers.parse()?);
        }
        let runtime = tokio.enable_all().build()?;
        let outcome = runtime.block_on(runtime.spawn(future));
        runtime.shutdown_background();
        outcome?
    }
}
