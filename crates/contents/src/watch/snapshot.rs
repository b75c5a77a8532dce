//! What has become of the entries of a directory since it was last looked at.

use std::collections::HashMap;

use crate::observer::{ContentsAction, ContentsEvent, DoneBy};
use crate::path::ContentsPath;
use crate::storage::Stamp;

/// What became of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: ContentsPath,
    pub(super) change: Change,
}

/// What became of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Appeared(Stamp),
    Written {
        before: Stamp,
    },
    Vanished {
        before: Stamp,
        /// Whether the operating system said that it was moved.
        moved_away: bool,
    },
}

impl Change {
    /// What was known of the name before.
    pub(super) fn before(self) -> Option<Stamp> {
        match self {
            Self::Appeared(_) => None,
            Self::Written { before } | Self::Vanished { before, .. } => Some(before),
        }
    }

    pub(super) fn is_moved_away(self) -> bool {
        matches!(self, Self::Vanished { moved_away: true, .. })
    }
}

/// Brings `known` up to date with what `name` is now, and says what that changes.
pub(super) fn look(
    known: &mut HashMap<String, Stamp>,
    name: &str,
    now: Option<Stamp>,
    moved_away: bool,
) -> Option<Change> {
    let before = match now {
        Some(stamp) => known.insert(name.to_owned(), stamp),
        None => known.remove(name),
    };
    match (before, now) {
        (None, None) => None,
        (None, Some(now)) => Some(Change::Appeared(now)),
        (Some(before), None) => Some(Change::Vanished { before, moved_away }),
        (Some(before), Some(now)) => (!now.is_unwritten_since(&before)).then_some(Change::Written { before }),
    }
}

/// The events for what was found at one time. What vanished here and appeared there is a rename. What was moved over
/// something else is a save of that, which is how editors save.
pub(super) fn events(differences: Vec<Difference>) -> Vec<ContentsEvent> {
    let mut vanished: Vec<(ContentsPath, Stamp, bool)> = Vec::new();
    let mut rest = Vec::with_capacity(differences.len());
    for Difference { path, change } in differences {
        match change {
            Change::Vanished { before, moved_away } => vanished.push((path, before, moved_away)),
            Change::Appeared(now) => rest.push((path, Some(now))),
            Change::Written { .. } => rest.push((path, None)),
        }
    }
    let mut events = Vec::with_capacity(rest.len());
    for (path, appeared) in rest {
        let Some(now) = appeared else {
            events.push(event(ContentsAction::Save, path, None));
            continue;
        };
        let is_source = |(_, before, moved_away): &(ContentsPath, Stamp, bool)| {
            now.is_renamed(before) || (*moved_away && now.is_same_file(before))
        };
        events.push(match vanished.iter().position(is_source) {
            Some(found) => {
                let (source, ..) = vanished.remove(found);
                event(ContentsAction::Rename, path, Some(source))
            }
            None => event(ContentsAction::Create, path, None),
        });
    }
    // First what is gone: a name may have been taken by something else.
    let deleted = vanished.into_iter();
    let mut all: Vec<_> = deleted
        .map(|(path, ..)| event(ContentsAction::Delete, path, None))
        .collect();
    all.append(&mut events);
    all
}

/// Something that others have done.
pub(super) fn event(
    action: ContentsAction,
    path: ContentsPath,
    source_path: Option<ContentsPath>,
) -> ContentsEvent {
    ContentsEvent {
        action,
        path,
        source_path,
        by: DoneBy::Others,
    }
}
