//! Lists that come in pages, as streams that hide it.

use super::context::Context;
use super::error::{CallError, RequestErrorKind};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use futures_core::Stream;
use midge_proto::Subject;
use midge_proto::jetstream::{ApiError, ApiRequest, ListWatch, Page, Paging, consumer, stream};
use std::collections::{BTreeMap, VecDeque};

/// A request for a list that comes in pages.
pub trait PagedRequest: ApiRequest<Response: Send> + Send + Sync + Unpin + 'static {
    /// What the list consists of.
    type Item: Send + Unpin;

    #[doc(hidden)]
    fn read(&self, page: Self::Response) -> Leaf<Self>
    where
        Self: Sized;
}

/// One page, taken apart.
#[doc(hidden)]
#[derive(Debug)]
pub struct Leaf<R: PagedRequest> {
    paging: Paging,
    items: VecDeque<R::Item>,
    next: Option<R>,
    missing: Vec<String>,
    offline: BTreeMap<String, String>,
}

impl<R: PagedRequest> Leaf<R> {
    fn new(page: Page<R::Item>, next: Option<R>) -> Self {
        let Page { paging, items, missing, offline } = page;
        Self { paging, items: items.into(), next, missing, offline }
    }
}

macro_rules! paged {
    ($($request:ty: $item:ty,)*) => {$(
        impl PagedRequest for $request {
            type Item = $item;

            fn read(&self, page: Page<$item>) -> Leaf<Self> {
                let next = self.next(&page);
                Leaf::new(page, next)
            }
        }
    )*};
}

paged! {
    stream::ListRequest: stream::Info,
    stream::NamesRequest: String,
    consumer::ListRequest: consumer::Info,
    consumer::NamesRequest: String,
}

/// Subjects of a stream with the number of messages on each.
impl PagedRequest for stream::InfoRequest {
    type Item = (String, u64);

    fn read(&self, page: stream::PagedInfo) -> Leaf<Self> {
        let next = self.next(&page);
        let paging = page.paging;
        let items = page.info.state.subjects.into_iter().collect();
        Leaf { paging, items, next, missing: Vec::new(), offline: BTreeMap::new() }
    }
}

type Asked<R> =
    Pin<Box<dyn Future<Output = Result<Turned<R>, CallError<RequestErrorKind>>> + Send + 'static>>;

/// A page and the subject that was asked for it.
type Turned<R> = (Leaf<R>, Option<Subject>);

/// A list as a stream of its entries; pages are asked for when they are needed. It ends behind the
/// first error.
///
/// # Cancel safety
///
/// Nothing is lost.
#[must_use = "nothing is asked before it is polled"]
pub struct Pages<R: PagedRequest> {
    context: Context,
    items: VecDeque<R::Item>,
    missing: Vec<String>,
    offline: BTreeMap<String, String>,
    watch: ListWatch,
    next: Next<R>,
}

enum Next<R: PagedRequest> {
    Ask(R),
    Asked(Asked<R>),
    Nothing,
}

impl<R: PagedRequest> Pages<R> {
    pub(super) fn new(context: Context, first: R) -> Self {
        Self { next: Next::Ask(first), ..Self::empty(context) }
    }

    /// The rest of a list of which the first page is there already.
    pub(super) fn behind(context: Context, request: &R, page: R::Response) -> Self {
        let mut pages = Self::empty(context);
        // The first page cannot be too far behind.
        let _ = pages.turn(request.read(page));
        pages
    }

    fn empty(context: Context) -> Self {
        Self {
            context,
            items: VecDeque::new(),
            missing: Vec::new(),
            offline: BTreeMap::new(),
            watch: ListWatch::default(),
            next: Next::Nothing,
        }
    }

    /// Names of which there is no information so far, because their servers did not answer.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Names of what the server cannot run, with the reasons, as far as the list was read (2.12).
    #[must_use]
    pub fn offline(&self) -> &BTreeMap<String, String> {
        &self.offline
    }

    fn turn(&mut self, leaf: Leaf<R>) -> Result<(), ApiError> {
        self.watch.check(leaf.paging, leaf.missing.len() + leaf.offline.len())?;
        self.items.extend(leaf.items);
        self.missing.extend(leaf.missing);
        self.offline.extend(leaf.offline);
        self.next = leaf.next.map_or(Next::Nothing, Next::Ask);
        Ok(())
    }
}

macro_rules! filtered {
    ($($request:ty),*) => {$(
        impl Pages<$request> {
            /// Only streams that have `subject` or one that it matches; to be said before the first
            /// entry is read.
            pub fn subject_filter(mut self, subject: impl Into<String>) -> Self {
                if let Next::Ask(request) = self.next {
                    self.next = Next::Ask(request.subject_filter(subject));
                }
                self
            }
        }
    )*};
}

filtered!(stream::ListRequest, stream::NamesRequest);

impl<R: PagedRequest> Stream for Pages<R> {
    type Item = Result<R::Item, CallError<RequestErrorKind>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.items.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            match core::mem::replace(&mut this.next, Next::Nothing) {
                Next::Nothing => return Poll::Ready(None),
                Next::Ask(request) => {
                    let context = this.context.clone();
                    this.next = Next::Asked(Box::pin(async move {
                        let page = context.ask(&request).await?;
                        let asked = context.inner.prefix.as_ref().ok();
                        let asked = asked.map(|prefix| request.subject(prefix));
                        Ok((request.read(page), asked))
                    }));
                }
                Next::Asked(mut asked) => match asked.as_mut().poll(cx) {
                    Poll::Pending => {
                        this.next = Next::Asked(asked);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((leaf, asked))) => {
                        if let Err(error) = this.turn(leaf) {
                            return Poll::Ready(Some(Err(CallError::new(asked, error.into()))));
                        }
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }
}

impl<R: PagedRequest> fmt::Debug for Pages<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("items", &self.items.len()).finish_non_exhaustive()
    }
}
