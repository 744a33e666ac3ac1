//! Nothing here: the package exists for its integration tests in `it/` and `conformance/`.

/// The README's examples compile, one for each adapter.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And so do those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
