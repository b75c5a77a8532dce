//! Base64 as Python writes and reads it.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Bytes a line holds, as `encodebytes` writes it.
const LINE_BYTES: usize = 57;
/// The last bits may be anything; padding is looked at before.
const WITHOUT_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Bytes that are encoded at once: whole lines.
pub(crate) const ENCODED_BYTES: usize = 1024 * LINE_BYTES;
/// The end of a line, as a JSON string holds it.
const LINE_END: &[u8] = b"\\n";

/// In lines of 76 characters, as a part of a JSON string.
pub(crate) fn push_json(bytes: &[u8], out: &mut Vec<u8>) {
    let mut text = String::with_capacity(LINE_BYTES / 3 * 4);
    for line in bytes.chunks(LINE_BYTES) {
        text.clear();
        STANDARD.encode_string(line, &mut text);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(LINE_END);
    }
}

/// How many bytes [`push_json`] makes of so many.
pub(crate) fn json_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + bytes.div_ceil(LINE_BYTES) * LINE_END.len()
}

/// As `decodebytes`: what is not in the alphabet is ignored (line ends above all), and what comes after the padding.
///
/// # Errors
/// In Python's words.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    if let Some((place, character)) = text
        .chars()
        .enumerate()
        .find(|(_, character)| !character.is_ascii())
    {
        return Err(not_ascii(place, character));
    }
    let digits = digits(text.as_bytes())?;
    WITHOUT_PADDING.decode(digits).map_err(|error| error.to_string())
}

/// Those up to the padding, if it is where it must be.
fn digits(text: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let all = text.iter().take_while(|byte| is_digit(byte)).count();
    let mut digits = Cow::Borrowed(text.get(..all).unwrap_or_default());
    let mut padding = 0;
    for byte in text.iter().skip(all) {
        match byte {
            b'=' => {
                padding += 1;
                if digits.len() % 4 >= 2 && digits.len() % 4 + padding >= 4 {
                    return Ok(digits);
                }
            }
            byte if is_digit(byte) => {
                padding = 0;
                digits.to_mut().push(*byte);
            }
            _ => {}
        }
    }
    match digits.len() % 4 {
        0 => Ok(digits),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            digits.len()
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

fn not_ascii(place: usize, character: char) -> String {
    let code = u32::from(character);
    let escaped = match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    format!("'ascii' codec can't encode character '{escaped}' in position {place}: ordinal not in range(128)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_python_reads_it() {
        let check = |text: &str, expected: Option<&str>| {
            let found = decode(text).ok();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{text:?}");
        };
        check("", Some(""));
        check("=", Some(""));
        check("aGVsbG8=", Some("hello"));
        check("aGVs\nbG8=\n", Some("hello"));
        check("aGVsbG8==", Some("hello"));
        check("aGVsbG8=aGVs", Some("hello"));
        check("aGVs====", Some("hel"));
        check("a*G*V*s*", Some("hel"));
        check("aGVsbG8", None);
        check("a", None);
        check("\u{fc}", None);
    }

    #[test]
    fn lines_are_as_long_as_python_makes_them() {
        let check = |bytes: &[u8], expected: &str| {
            let mut out = Vec::new();
            push_json(bytes, &mut out);
            assert_eq!(out.len(), json_length(bytes.len()));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(b"", "");
        check(b"hel", r"aGVs\n");
        let line = "A".repeat(76);
        check(&[0; 57], &format!(r"{line}\n"));
        check(&[0; 58], &format!(r"{line}\nAA==\n"));
    }
}
