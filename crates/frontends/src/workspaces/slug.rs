//! File names of workspaces, as JupyterLab's server makes them, so that both servers find each other's files.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// The ending of JupyterLab's workspace files, without the dot.
pub(super) const EXTENSION: &str = "jupyterlab-workspace";

/// A slug with the ending and its dot has at most this many characters.
const NAME_CHARACTERS_MAX: usize = 128;

/// Letters, digits, `_` and `-` of the name, and four digits of its hash so that no two names meet.
pub(super) fn slug(name: &str) -> String {
    let name = name.strip_prefix('/').unwrap_or(name);
    let hash = hex::encode(Sha256::digest(name.as_bytes()));
    let signature = format!("-{}", hash.get(..4).unwrap_or_default());
    let lower = name.to_lowercase();
    let decoded = percent_decode_str(&lower).decode_utf8_lossy();
    let kept: String = decoded
        .nfkc()
        .filter(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
        })
        .collect();
    let mut dashed = String::new();
    for character in kept.trim().chars() {
        match character {
            '-' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                if !dashed.ends_with('-') {
                    dashed.push('-');
                }
            }
            other => dashed.push(other),
        }
    }
    dashed.truncate(NAME_CHARACTERS_MAX - (EXTENSION.len() + 1) - signature.len());
    dashed + &signature
}

#[cfg(test)]
mod tests {
    use super::slug;

    /// Expected values were made by JupyterLab's own server.
    #[test]
    fn slugs_are_those_of_jupyterlab() {
        let check = |name: &str, expected: &str| assert_eq!(slug(name), expected, "{name}");
        check("default", "default-37a8");
        check("/default", "default-37a8");
        check("", "-e3b0");
        check("auto-x", "auto-x-2376");
        check("lab/workspaces/foo", "labworkspacesfoo-54d5");
        check("f/o/o/_b-a/r", "foo_b-ar-3eef");
        check("Ünïcode naïve", "ncode-nave-c4a5");
        check("a%20b  c", "a-b-c-ee22");
        check("-- a --", "-a--1043");
        check(
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-aa20",
        );
        check("../../etc", "etc-74cc");
        check("a\tb", "a-b-8948");
        check("ﬁ²", "fi2-785d");
        check("%2Fx%C3%BC", "x-d4f2");
    }
}
