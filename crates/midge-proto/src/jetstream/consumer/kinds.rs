//! Consumers that are pulled from and consumers that push, each with the fields it can have.

use super::config::Config;
use core::fmt;
use core::time::Duration;

/// What can say what a consumer is to be.
pub trait IntoConsumerConfig {
    /// All that it says.
    fn into_consumer_config(self) -> Config;
}

/// A kind of consumer, to be told from others.
pub trait FromConsumer {
    /// The fields of this kind.
    ///
    /// # Errors
    ///
    /// When the consumer is of another kind.
    fn try_from_consumer_config(config: Config) -> Result<Self, WrongKind>
    where
        Self: Sized;
}

/// A consumer is of another kind than the one asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WrongKind {
    /// It pushes its messages, and was taken for one to pull from.
    Push,
    /// It is to be pulled from, and was taken for one that pushes.
    Pull,
}

impl fmt::Display for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "the consumer pushes its messages and cannot be pulled from",
            Self::Pull => "the consumer has no deliver subject and has to be pulled from",
        })
    }
}

impl core::error::Error for WrongKind {}

impl IntoConsumerConfig for Config {
    fn into_consumer_config(self) -> Config {
        self
    }
}

impl IntoConsumerConfig for &Config {
    fn into_consumer_config(self) -> Config {
        self.clone()
    }
}

impl FromConsumer for Config {
    fn try_from_consumer_config(config: Config) -> Result<Self, WrongKind> {
        Ok(config)
    }
}

/// A time that was set, or else this one.
pub(super) const fn or_default(set: Duration, default: Duration) -> Duration {
    if set.is_zero() { default } else { set }
}

/// A struct with some of the fields of [`Config`], and the way there and back.
macro_rules! kind_of_config {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            // A push consumer has a subject; in the configuration of all kinds it is optional.
            $( => $subject:ident, )?
            $( $field:ident: $type:ty, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Default)]
        pub struct $name {
            $(
                /// Where messages are pushed to.
                pub $subject: alloc::string::String,
            )?
            $(
                #[doc = concat!(
                    "As [`", stringify!($field), "`](crate::jetstream::consumer::Config::",
                    stringify!($field), ")."
                )]
                pub $field: $type,
            )+
        }

        impl $name {
            fn fields_of(config: $crate::jetstream::consumer::Config) -> Self {
                Self {
                    $( $subject: config.deliver_subject.unwrap_or_default(), )?
                    $( $field: config.$field, )+
                }
            }

            fn into_fields(self) -> $crate::jetstream::consumer::Config {
                $crate::jetstream::consumer::Config {
                    $( deliver_subject: Some(self.$subject), )?
                    $( $field: self.$field, )+
                    ..Default::default()
                }
            }
        }

        impl From<$name> for $crate::jetstream::consumer::Config {
            fn from(config: $name) -> Self {
                $crate::jetstream::consumer::IntoConsumerConfig::into_consumer_config(config)
            }
        }

        impl $crate::jetstream::consumer::IntoConsumerConfig for &$name {
            fn into_consumer_config(self) -> $crate::jetstream::consumer::Config {
                self.clone().into_consumer_config()
            }
        }
    };
}
pub(super) use kind_of_config;
