//! Command lines of the form `word word --key value --flag`.

use core::fmt::Display;
use core::str::FromStr;

use crate::Result;

/// A parsed command line.
#[derive(Clone, Debug, Default)]
pub struct Args {
    words: Vec<String>,
    options: Vec<(String, Option<String>)>,
}

impl Args {
    /// Parses the command line of this process; names in `flags` take no value.
    #[must_use]
    pub fn from_env(flags: &[&str]) -> Self {
        Self::parse(std::env::args().skip(1), flags)
    }

    /// Parses `arguments`; names in `flags` take no value.
    #[must_use]
    pub fn parse(arguments: impl IntoIterator<Item = String>, flags: &[&str]) -> Self {
        let mut parsed = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) if flags.contains(&name) => parsed.options.push((name.into(), None)),
                Some(name) => parsed.options.push((name.into(), arguments.next())),
                None => parsed.words.push(argument),
            }
        }
        parsed
    }

    /// The arguments that are not options.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether `--name` was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(key, _)| key == name)
    }

    /// The value of `--name`, if it was given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.options.iter().rev().find(|(key, _)| key == name)?;
        value.as_deref()
    }

    /// The parsed value of `--name`, or `default`.
    ///
    /// # Errors
    ///
    /// When the value does not parse; the message names option and value.
    pub fn value<T>(&self, name: &str, default: T) -> Result<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|error| format!("--{name} {text:?}: {error}").into())
            }
        }
    }

    /// Fails for an option that is not among `known`, so that a slip of the pen is not ignored.
    ///
    /// # Errors
    ///
    /// Names the unknown option.
    pub fn expect_only(&self, known: &[&str]) -> Result<()> {
        match self.options.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) => Err(format!("unknown option --{key}").into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(line: &str) -> Args {
        Args::parse(line.split(' ').map(String::from), &["quick"])
    }

    #[test]
    fn words_options_and_flags_are_told_apart() {
        let args = args("size --rounds 9 --quick extra");
        assert_eq!(args.words(), ["size", "extra"]);
        assert_eq!(args.value("rounds", 1).unwrap(), 9);
        assert!(args.has("quick"));
        assert!(!args.has("only"));
    }

    #[test]
    fn a_value_that_does_not_parse_is_named() {
        let error = args("--rounds many").value("rounds", 1).unwrap_err();
        assert!(error.to_string().starts_with("--rounds \"many\""), "{error}");
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(args("--round 9").expect_only(&["rounds"]).is_err());
        assert!(args("--rounds 9").expect_only(&["rounds"]).is_ok());
    }
}
