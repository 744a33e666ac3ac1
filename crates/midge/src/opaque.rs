//! Large values behind a pointer whose drop is one call.

/// A large value that is handed about in a `Box<dyn Opaque<T>>`.
///
/// A compiler writes the drop of a value into every part of a program that may come to drop it: each
/// crate, and each of the pieces that it compiles apart. For what drives a connection that is many
/// kilobytes, a dozen times over. Through the trait object there is one drop, which lies where the
/// value was boxed.
pub(crate) trait Opaque<T> {
    fn get(&self) -> &T;
    fn get_mut(&mut self) -> &mut T;
    fn into_inner(self: Box<Self>) -> Box<T>;
}

impl<T> Opaque<T> for T {
    fn get(&self) -> &T {
        self
    }

    fn get_mut(&mut self) -> &mut T {
        self
    }

    fn into_inner(self: Box<Self>) -> Box<T> {
        self
    }
}
