//! Amounts of memory, as people write them.

use std::fmt;

/// The letters that JupyterHub's `mem_limit` knows, and what each stands for.
const LETTERS: [(char, u32); 4] = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];

/// Bytes from `2147483648`, `2G`, `0.5g`.
#[must_use]
pub fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(bytes) = text.parse() {
        return Some(bytes);
    }
    let letter = text.chars().next_back()?;
    let (_, shift) = LETTERS
        .iter()
        .find(|(known, _)| letter.eq_ignore_ascii_case(known))?;
    let number = text.strip_suffix(letter)?.trim_end();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift);
    }
    let fraction: f64 = number.parse().ok()?;
    let bytes = fraction * (1_u64 << shift) as f64;
    // What is beyond is no amount of memory.
    (0.0..1e18).contains(&bytes).then_some(bytes as u64)
}

/// An amount of memory in the largest unit that it is at least one of.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((letter, shift)) = LETTERS.iter().rev().find(|(_, shift)| self.0 >> shift > 0) else {
            return write!(formatter, "{} bytes", self.0);
        };
        let amount = self.0 as f64 / (1_u64 << shift) as f64;
        // At most two places, and no zeros at their end.
        let hundredths = (amount * 100.0).round() / 100.0;
        write!(formatter, "{hundredths} {letter}iB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_by_letters() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(bytes_of(text), expected, "{text}");
        check("2147483648", Some(2 << 30));
        check("2G", Some(2 << 30));
        check(" 512 m ", Some(512 << 20));
        check("0.5T", Some(512 << 30));
        check("1k", Some(1_024));
        for bad in [
            "",
            "G",
            "-1G",
            "2X",
            "nanG",
            "infG",
            "1e30T",
            "-5",
            "99999999999999T",
        ] {
            check(bad, None);
        }
        let check = |bytes: u64, expected: &str| assert_eq!(Size(bytes).to_string(), expected);
        check(2 << 30, "2 GiB");
        check(1_500 << 20, "1.46 GiB");
        check(512 << 20, "512 MiB");
        check(1_000, "1000 bytes");
        check(3 << 40, "3 TiB");
    }
}
