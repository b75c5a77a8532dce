//! What the fake kernel can be told to do, one command a line.

use std::{str::FromStr, time::Duration};

/// One line of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `print TEXT`: one `stream` message on stdout.
    Print(String),
    /// `print N times`, `print N times every MS`: N `stream` messages, the numbers from 0.
    PrintNumbers {
        /// How many.
        count: u64,
        /// The pause before each.
        every: Option<Duration>,
    },
    /// `stderr TEXT`: one `stream` message on stderr.
    Stderr(String),
    /// `burst N BYTES`: N `stream` messages of BYTES each as fast as possible; each begins with its number.
    Burst {
        /// How many.
        count: u64,
        /// How long each text is.
        bytes: usize,
    },
    /// `paced N BYTES PER_MS`: the same at a pace, and as ipykernel publishes: what the subscribers do not fetch in time
    /// is dropped when a thousand wait.
    Paced {
        /// How many.
        count: u64,
        /// How long each text is.
        bytes: usize,
        /// How many a millisecond.
        per_ms: u64,
    },
    /// `display N bytes`: one `display_data` with N bytes of text.
    Display(usize),
    /// `show ID WORD`: a `display_data` that can be updated.
    Show {
        /// Its `display_id`.
        id: String,
        /// What it shows.
        text: String,
    },
    /// `update ID WORD`: an `update_display_data`.
    Update {
        /// The `display_id` of what shows this from now on.
        id: String,
        /// What it shows.
        text: String,
    },
    /// `result TEXT`: an `execute_result`.
    Result(String),
    /// `buffers N BYTES`: a `comm_msg` with N buffers of BYTES each, the n-th filled with the byte n.
    Buffers {
        /// How many.
        count: u8,
        /// How long each is.
        bytes: usize,
    },
    /// `capture COMM`, `release COMM`: an output widget takes what this cell says from here on, or until here.
    Capture {
        /// The widget's comm.
        comm_id: String,
        /// Whether it takes it, or does no longer.
        begins: bool,
    },
    /// `input PROMPT`: asks the client and prints what it answered.
    Input(String),
    /// `sleep MS` (also `sleep MS until interrupted`): an interrupt ends it with `KeyboardInterrupt`.
    Sleep(Duration),
    /// `clear`: a `clear_output` that waits for the next output.
    Clear,
    /// `error TEXT`: the cell fails.
    Error(String),
    /// `unsigned N`: N `stream` messages that are signed with another key.
    Unsigned(u64),
    /// `hostile lengths`, `hostile bytes`: it sends what no kernel sends, if it is one that may
    /// ([`FakeKernel::bind_hostile`](crate::FakeKernel::bind_hostile)).
    Hostile(Hostility),
    /// `exit CODE`: the kernel dies at once, without a word.
    Exit(i32),
}

/// What a kernel may send that harms whoever listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostility {
    /// Frames that announce 2^40 bytes.
    Lengths,
    /// Another protocol.
    Bytes,
}

/// The commands of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub Vec<Command>);

impl FromStr for Script {
    type Err = String;

    /// Empty lines and lines that begin with `#` are skipped. The error is the line that is no command.
    fn from_str(code: &str) -> Result<Self, String> {
        let lines = code
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| command(line).ok_or_else(|| line.to_owned()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn command(line: &str) -> Option<Command> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let command = match (word, words.as_slice()) {
        ("print", [count, "times"]) => Command::PrintNumbers {
            count: count.parse().ok()?,
            every: None,
        },
        ("print", [count, "times", "every", pause]) => Command::PrintNumbers {
            count: count.parse().ok()?,
            every: Some(milliseconds(pause)?),
        },
        ("print", _) => Command::Print(rest.to_owned()),
        ("stderr", _) => Command::Stderr(rest.to_owned()),
        ("burst", [count, bytes]) => Command::Burst {
            count: count.parse().ok()?,
            bytes: bytes.parse().ok()?,
        },
        ("paced", [count, bytes, per_ms]) => Command::Paced {
            count: count.parse().ok()?,
            bytes: bytes.parse().ok()?,
            per_ms: per_ms.parse().ok().filter(|per_ms| *per_ms > 0)?,
        },
        ("display", [bytes, "bytes"]) => Command::Display(bytes.parse().ok()?),
        ("show", [id, text]) => Command::Show {
            id: (*id).to_owned(),
            text: (*text).to_owned(),
        },
        ("update", [id, text]) => Command::Update {
            id: (*id).to_owned(),
            text: (*text).to_owned(),
        },
        ("result", _) => Command::Result(rest.to_owned()),
        ("buffers", [count, bytes]) => Command::Buffers {
            count: count.parse().ok()?,
            bytes: bytes.parse().ok()?,
        },
        ("capture" | "release", [comm_id]) => Command::Capture {
            comm_id: (*comm_id).to_owned(),
            begins: word == "capture",
        },
        ("input", _) => Command::Input(rest.to_owned()),
        ("sleep", [pause] | [pause, "until", "interrupted"]) => Command::Sleep(milliseconds(pause)?),
        ("clear", []) => Command::Clear,
        ("error", _) => Command::Error(rest.to_owned()),
        ("unsigned", [count]) => Command::Unsigned(count.parse().ok()?),
        ("hostile", ["lengths"]) => Command::Hostile(Hostility::Lengths),
        ("hostile", ["bytes"]) => Command::Hostile(Hostility::Bytes),
        ("exit", [code]) => Command::Exit(code.parse().ok()?),
        _ => return None,
    };
    Some(command)
}

fn milliseconds(word: &str) -> Option<Duration> {
    word.parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: &[Command]) {
        assert_eq!(code.parse(), Ok(Script(expected.to_vec())), "{code}");
    }

    #[test]
    fn commands_are_read_from_lines() {
        check("", &[]);
        check("# a comment\n\nprint a  b\n", &[Command::Print("a  b".into())]);
        check(
            "print 3 times",
            &[Command::PrintNumbers {
                count: 3,
                every: None,
            }],
        );
        let every = Some(Duration::from_millis(5));
        check(
            "print 3 times every 5",
            &[Command::PrintNumbers { count: 3, every }],
        );
        check(
            "burst 2 10\nclear",
            &[Command::Burst { count: 2, bytes: 10 }, Command::Clear],
        );
        check(
            "sleep 9 until interrupted",
            &[Command::Sleep(Duration::from_millis(9))],
        );
        let (count, bytes, per_ms) = (40, 200, 20);
        check("paced 40 200 20", &[Command::Paced { count, bytes, per_ms }]);
        let (id, text) = ("a".to_owned(), "b".to_owned());
        check("update a b", &[Command::Update { id, text }]);
        check("exit 3", &[Command::Exit(3)]);
        check(
            "unsigned 2\nhostile bytes",
            &[Command::Unsigned(2), Command::Hostile(Hostility::Bytes)],
        );
    }

    #[test]
    fn what_is_no_command_is_named() {
        assert_eq!(
            "print a\nburst many".parse::<Script>(),
            Err("burst many".to_owned())
        );
    }
}
