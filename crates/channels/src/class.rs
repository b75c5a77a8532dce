//! What a message does to a kernel.

use wire::Channel;

/// What a message type does to a kernel; permission is asked for classes, not for each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Asks about the kernel and changes nothing.
    Query,
    /// Runs code or may.
    Execute,
    /// Interrupts what runs, as the REST call does.
    Control,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Query, Self::Execute, Self::Control];

    /// The class of a message. Types nobody listed may do anything, so they are [`Class::Execute`]; so is
    /// `history_request`, which shows the code of others; `shutdown_request`, after which the kernel is started anew and runs
    /// what its directory holds; and everything on stdin: a kernel that waits for input takes
    /// whatever comes there for the answer. Shell and control do not differ: kernels take most requests on both.
    #[must_use]
    pub fn of(channel: Channel, msg_type: &str) -> Self {
        match (channel, msg_type) {
            (Channel::Stdin, _) => Self::Execute,
            (_, "kernel_info_request" | "comm_info_request" | "is_complete_request") => Self::Query,
            (_, "interrupt_request") => Self::Control,
            _ => Self::Execute,
        }
    }

    /// Its place in [`Class::ALL`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Query => 0,
            Self::Execute => 1,
            Self::Control => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_the_class_of_what_it_does() {
        for (types, class) in [
            (
                &["kernel_info_request", "comm_info_request", "is_complete_request"][..],
                Class::Query,
            ),
            (
                &[
                    "execute_request",
                    "complete_request",
                    "inspect_request",
                    "comm_open",
                    "comm_msg",
                    "comm_close",
                    "debug_request",
                    "input_reply",
                    "history_request",
                    "shutdown_request",
                    "create_subshell_request",
                    "made_up",
                    "",
                    "Kernel_info_request",
                ],
                Class::Execute,
            ),
            (&["interrupt_request"], Class::Control),
        ] {
            for msg_type in types {
                for channel in [Channel::Shell, Channel::Control] {
                    assert_eq!(Class::of(channel, msg_type), class, "{msg_type}");
                }
                assert_eq!(Class::of(Channel::Stdin, msg_type), Class::Execute, "{msg_type}");
            }
        }
    }

    #[test]
    fn indexes_follow_the_list() {
        assert_eq!(Class::ALL.map(Class::index), [0, 1, 2]);
    }
}
