//! The words of the command line, read as traitlets reads them.

use std::iter::Peekable;
use std::slice::Iter;

use super::options::{self, Flag};
use super::{Raw, Settings, Source};

/// What a command line says.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// The settings it gives.
    pub settings: Settings,
    /// What is neither an option nor its value: a file or directory to open.
    pub words: Vec<String>,
    /// `-h`, `--help`, or `--help-all`.
    pub help: bool,
    /// `--version` or `-V`.
    pub version: bool,
}

/// A command line that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UsageError {
    /// There is no such option.
    #[error("there is no option `{option}`{}", hint(.nearest))]
    UnknownOption {
        /// As it was written.
        option: String,
        /// What it was probably meant to be.
        nearest: Option<&'static str>,
    },
    /// An option that needs a value came last or before another option.
    #[error("`{option}` needs a value: `{option}=…`")]
    MissingValue {
        /// As it was written.
        option: String,
    },
    /// A flag was given a value.
    #[error("`--{option}` takes no value")]
    UnexpectedValue {
        /// Its name.
        option: String,
    },
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest
        .map(|nearest| format!("; did you mean `--{nearest}`?"))
        .unwrap_or_default()
}

/// Reads the words after the subcommand.
pub fn parse(arguments: &[String]) -> Result<CommandLine, UsageError> {
    let mut line = CommandLine::default();
    let mut arguments = arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            line.words.extend(arguments.cloned());
            break;
        }
        match argument.as_str() {
            "-h" | "--help" | "--help-all" => line.help = true,
            "-V" | "--version" => line.version = true,
            _ if argument.starts_with('-') && argument != "-" => line.option(argument, &mut arguments)?,
            _ => line.words.push(argument.clone()),
        }
    }
    Ok(line)
}

impl CommandLine {
    fn option(&mut self, argument: &str, rest: &mut Peekable<Iter<'_, String>>) -> Result<(), UsageError> {
        let bare = argument.trim_start_matches('-');
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (bare, None),
        };
        if let Some(flag) = options::flag_named(name) {
            if value.is_some() {
                return Err(UsageError::UnexpectedValue {
                    option: name.to_owned(),
                });
            }
            self.flag(flag);
            return Ok(());
        }
        if let Some(alias) = options::alias_named(name) {
            let value = value_of(argument, value, rest)?;
            let source = Source::CommandLine(format!("--{name}"));
            // An alias given again replaces what it said before.
            self.settings
                .set(alias.setting.0, alias.setting.1, Raw::Words(vec![value]), source);
            return Ok(());
        }
        if let Some((class, trait_name)) = class_and_trait(name) {
            let value = value_of(argument, value, rest)?;
            self.add(class, trait_name, value);
            return Ok(());
        }
        if is_identifier(name) && value.is_some() {
            // The reference warns and goes on; so must we, or command lines that work there would not here.
            let nearest = hint(&options::nearest(name));
            self.settings.warnings.push(format!(
                "there is no option `--{name}`, it has no effect{nearest}"
            ));
            return Ok(());
        }
        Err(UsageError::UnknownOption {
            option: argument.to_owned(),
            nearest: options::nearest(name),
        })
    }

    fn flag(&mut self, flag: &Flag) {
        for (class, name, value) in flag.settings {
            let source = Source::CommandLine(format!("--{}", flag.name));
            self.settings.set(class, name, Raw::Json((*value).into()), source);
        }
    }

    /// `--Class.trait=value`; given again, the values are collected.
    fn add(&mut self, class: &str, name: &str, value: String) {
        let mut words = match self.settings.get(class, name).map(|setting| &setting.raw) {
            Some(Raw::Words(words)) => words.clone(),
            _ => Vec::new(),
        };
        words.push(value);
        let source = Source::CommandLine(format!("--{class}.{name}"));
        self.settings.set(class, name, Raw::Words(words), source);
    }
}

/// The value after `=`, or the next word unless that is an option itself.
fn value_of(
    argument: &str,
    value: Option<String>,
    rest: &mut Peekable<Iter<'_, String>>,
) -> Result<String, UsageError> {
    if let Some(value) = value {
        return Ok(value);
    }
    let is_value = |word: &&String| !word.starts_with('-') || word.parse::<f64>().is_ok() || *word == "-";
    let next = rest.next_if(|word| is_value(word)).cloned();
    next.ok_or_else(|| UsageError::MissingValue {
        option: argument.to_owned(),
    })
}

/// `ServerApp.port` → (`ServerApp`, `port`). Of a longer path, `ServerApp.KernelManager.ip`, the last class counts.
fn class_and_trait(name: &str) -> Option<(&str, &str)> {
    let (path, trait_name) = name.rsplit_once('.')?;
    let class = path.rsplit('.').next()?;
    (is_identifier(trait_name) && path.split('.').all(is_identifier)).then_some((class, trait_name))
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Result<CommandLine, UsageError> {
        parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    fn words(line: &CommandLine, class: &str, name: &str) -> Option<Raw> {
        line.settings.get(class, name).map(|setting| setting.raw.clone())
    }

    fn given(values: &[&str]) -> Option<Raw> {
        Some(Raw::Words(values.iter().map(|value| value.to_string()).collect()))
    }

    #[test]
    fn an_alias_and_its_long_form_say_the_same() {
        for form in [
            &["--port=9"][..],
            &["--port", "9"],
            &["--ServerApp.port=9"],
            &["--ServerApp.port", "9"],
        ] {
            let line = line(form).expect("a command line");
            assert_eq!(words(&line, "ServerApp", "port"), given(&["9"]), "{form:?}");
        }
    }

    #[test]
    fn a_setting_given_again_collects_and_an_alias_given_again_replaces() {
        let line = line(&["--A.b=1", "--A.b=2", "--port=1", "--port=2"]).expect("a command line");
        assert_eq!(words(&line, "A", "b"), given(&["1", "2"]));
        assert_eq!(words(&line, "ServerApp", "port"), given(&["2"]));
    }

    #[test]
    fn values_keep_their_equal_signs_and_may_be_empty_or_negative() {
        let line = line(&["--IdentityProvider.token=", "--A.b=c=d", "--ServerApp.port", "-1"])
            .expect("a command line");
        assert_eq!(words(&line, "IdentityProvider", "token"), given(&[""]));
        assert_eq!(words(&line, "A", "b"), given(&["c=d"]));
        assert_eq!(words(&line, "ServerApp", "port"), given(&["-1"]));
    }

    #[test]
    fn flags_set_what_the_reference_sets() {
        let line = line(&["--no-browser", "-y", "dir"]).expect("a command line");
        assert_eq!(
            words(&line, "ServerApp", "open_browser"),
            Some(Raw::Json(false.into()))
        );
        assert_eq!(
            words(&line, "JupyterApp", "answer_yes"),
            Some(Raw::Json(true.into()))
        );
        assert_eq!(line.words, ["dir"]);
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_with_advice() {
        let check = |given: &[&str], expected: &str| {
            assert_eq!(
                line(given).map(|_| ()).map_err(|it| it.to_string()),
                Err(expected.to_owned())
            );
        };
        check(
            &["--no-brwoser"],
            "there is no option `--no-brwoser`; did you mean `--no-browser`?",
        );
        check(&["--port"], "`--port` needs a value: `--port=…`");
        check(&["--port", "--no-browser"], "`--port` needs a value: `--port=…`");
        check(&["--no-browser=1"], "`--no-browser` takes no value");
    }

    #[test]
    fn a_mistyped_alias_is_a_warning_as_in_the_reference() {
        let line = line(&["--prot=9"]).expect("a command line");
        assert_eq!(
            line.settings.warnings,
            ["there is no option `--prot`, it has no effect; did you mean `--port`?"]
        );
    }

    #[test]
    fn what_follows_two_dashes_is_no_option() {
        assert_eq!(line(&["--", "--port"]).expect("a command line").words, ["--port"]);
    }

    #[test]
    fn in_a_longer_path_the_last_class_counts() {
        let line = line(&["--ServerApp.KernelManager.ip=x"]).expect("a command line");
        assert_eq!(words(&line, "KernelManager", "ip"), given(&["x"]));
    }
}
