//! What Jupyter keeps out of sight: hidden names, and patterns left out of listings.

use crate::config::ContentsConfig;
use crate::path::ContentsPath;

/// Whether a listing shows an entry of this name, as far as the name alone can tell.
pub(crate) fn is_shown_name(config: &ContentsConfig, name: &str) -> bool {
    (config.allow_hidden || !name.starts_with('.'))
        && !config.hide_globs.iter().any(|glob| matches_glob(name, glob))
}

/// Whether a part of the path begins with a dot.
pub(crate) fn is_hidden_name(path: &ContentsPath) -> bool {
    path.parts().any(|part| part.starts_with('.'))
}

/// Whether a name fits a pattern of `*`, `?`, `[abc]`, `[!abc]`, as Python's `fnmatch` on a system that minds case.
pub(crate) fn matches_glob(name: &str, pattern: &str) -> bool {
    // Most patterns are a name or an ending; a listing asks for each entry.
    let is_plain = |text: &str| !text.contains(['*', '?', '[']);
    match pattern.strip_prefix('*') {
        Some(ending) if is_plain(ending) => return name.ends_with(ending),
        None if is_plain(pattern) => return name == pattern,
        _ => {}
    }
    let name: Vec<char> = name.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    matches(&name, &pattern)
}

/// Walks both; at a mismatch goes back to the last `*` and lets it take one character more.
fn matches(name: &[char], pattern: &[char]) -> bool {
    let (mut rest, mut left) = (name, pattern);
    let mut star: Option<(&[char], &[char])> = None;
    loop {
        match left.split_first() {
            Some(('*', after)) => {
                star = Some((rest, after));
                left = after;
                continue;
            }
            Some(_) => {
                if let Some((first, others)) = rest.split_first()
                    && let Some(after) = one(*first, left)
                {
                    (rest, left) = (others, after);
                    continue;
                }
            }
            None if rest.is_empty() => return true,
            None => {}
        }
        let Some((from, after)) = star else { return false };
        let Some((_, shorter)) = from.split_first() else {
            return false;
        };
        star = Some((shorter, after));
        (rest, left) = (shorter, after);
    }
}

/// What is left of the pattern when its first element takes `character`.
fn one(character: char, pattern: &[char]) -> Option<&[char]> {
    match pattern.split_first()? {
        ('?', after) => Some(after),
        ('[', after) => match set(after) {
            Some((members, negated, after)) => (contains(members, character) != negated).then_some(after),
            None => (character == '[').then_some(after), // no closing bracket: an ordinary character
        },
        (literal, after) => (*literal == character).then_some(after),
    }
}

/// The members of a set, whether it is negated, and what follows it.
fn set(after_bracket: &[char]) -> Option<(&[char], bool, &[char])> {
    let (negated, members) = match after_bracket.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, after_bracket),
    };
    // A bracket directly after the start is a member.
    let end = 1 + members.get(1..)?.iter().position(|character| *character == ']')?;
    Some((members.get(..end)?, negated, members.get(end + 1..)?))
}

fn contains(members: &[char], character: char) -> bool {
    let mut rest = members;
    while let Some((first, others)) = rest.split_first() {
        if let [dash, last, after @ ..] = others
            && *dash == '-'
        {
            if (*first..=*last).contains(&character) {
                return true;
            }
            rest = after;
            continue;
        }
        if *first == character {
            return true;
        }
        rest = others;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_fnmatch_does() {
        for (name, pattern, expected) in [
            ("a.pyc", "*.pyc", true),
            ("a.py", "*.pyc", false),
            ("__pycache__", "__pycache__", true),
            ("a~", "*~", true),
            ("abcabd", "*ab?", true),
            ("abc", "a[a-c]c", true),
            ("abc", "a[!a-c]c", false),
            ("a]c", "a[]]c", true),
            ("a[c", "a[c", true),
            ("", "*", true),
            ("", "?", false),
            (&"a".repeat(200), "*a*a*a*a*a*a*a*a*b", false),
        ] {
            assert_eq!(matches_glob(name, pattern), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn a_dot_anywhere_hides() {
        let hidden = |path: &str| is_hidden_name(&path.parse().unwrap());
        assert!(hidden(".a") && hidden("a/.b/c"));
        assert!(!hidden("") && !hidden("a.b/c"));
    }
}
