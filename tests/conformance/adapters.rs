//! The adapters, and how each runs a future.

use core::future::Future;
use midge::Runtime;

pub(crate) trait Adapter: 'static {
    const NAME: &'static str;
    type Runtime: Runtime + Default;

    /// Runs a behaviour where this adapter's runtime is.
    fn block_on<F: Future>(future: F) -> F::Output;
}

pub(crate) struct TokioMultiThread;

impl Adapter for TokioMultiThread {
    const NAME: &'static str = "tokio-multi-thread";
    type Runtime = midge_tokio::Tokio;

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap().block_on(future)
    }
}

pub(crate) struct TokioCurrentThread;

impl Adapter for TokioCurrentThread {
    const NAME: &'static str = "tokio-current-thread";
    type Runtime = midge_tokio::Tokio;

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(future)
    }
}

pub(crate) struct AsyncStd;

impl Adapter for AsyncStd {
    const NAME: &'static str = "async-std";
    type Runtime = midge_async_std::AsyncStd;

    fn block_on<F: Future>(future: F) -> F::Output {
        async_std::task::block_on(future)
    }
}

pub(crate) struct Smol;

impl Adapter for Smol {
    const NAME: &'static str = "smol";
    type Runtime = midge_smol::Smol;

    fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }
}

/// Threads that need no runtime; the future runs on none either.
pub(crate) struct Threads;

impl Adapter for Threads {
    const NAME: &'static str = "blocking";
    type Runtime = midge_blocking::Threads;

    fn block_on<F: Future>(future: F) -> F::Output {
        smol::future::block_on(future)
    }
}
