//! Finding the few bytes of a text that mean something, many bytes at a time: most of a notebook is pictures and
//! logs, and what it costs to open or save is what it costs to look at each byte.

/// Bytes looked at together; the compiler makes vector instructions of it.
const BLOCK: usize = 32;

/// Bytes before the first that a JSON string can't hold as it is: a quote, a backslash, a control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    length_without(bytes, |byte| byte == b'"' || byte == b'\\' || byte < 0x20)
}

/// Bytes before the first that may be, or may begin, one of the line ends of Python's `splitlines`.
pub(super) fn length_in_line(bytes: &[u8]) -> usize {
    length_without(bytes, |byte| byte < 0x20 || byte == 0xc2 || byte == 0xe2)
}

#[inline(always)]
fn length_without(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> usize {
    // A branch for each byte would be mispredicted at each end; without one, blocks are nearly free.
    let has_special = |block: &[u8]| block.iter().fold(false, |any, &byte| any | is_special(byte));
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let plain = blocks.iter().take_while(|block| !has_special(*block)).count() * BLOCK;
    let rest = bytes.get(plain..).unwrap_or(rest);
    let (words, _) = rest.as_chunks::<8>();
    let words = words.iter().take_while(|word| !has_special(*word)).count() * 8;
    let tail = rest.get(words..).unwrap_or_default();
    let last = tail.iter().position(|&byte| is_special(byte));
    plain + words + last.unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for length in 0..100 {
            let plain = vec![b'x'; length];
            assert_eq!(plain_length(&plain), length);
            assert_eq!(length_in_line(&plain), length);
            for place in 0..length {
                for special in [b'"', b'\\', b'\n', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[place] = special;
                    bytes[length - 1] = b'"';
                    assert_eq!(plain_length(&bytes), place, "{special} at {place} of {length}");
                }
                for special in [b'\n', b'\r', 0x1c, 0xc2, 0xe2] {
                    let mut bytes = plain.clone();
                    bytes[place] = special;
                    assert_eq!(length_in_line(&bytes), place, "{special} at {place} of {length}");
                }
            }
        }
        assert_eq!(plain_length("äöü\u{7f}".as_bytes()), 7);
    }
}
