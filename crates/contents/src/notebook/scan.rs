//! Finding the few bytes of a text that mean something, eight bytes at a time: most of a notebook is pictures and
//! logs, and what it costs to open or save is what it costs to look at each byte.

/// A one in each byte.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of each byte.
const HIGHEST: u64 = ONES << 7;

/// Bytes before the first that a JSON string can't hold as it is: a quote, a backslash, a control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    length_without(bytes, |word| {
        below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')
    })
}

/// Bytes before the first that [`plain_length`] or [`length_in_line`] stops at.
pub(super) fn plain_length_in_line(bytes: &[u8]) -> usize {
    length_without(bytes, |word| {
        below(word, 0x20) | equal(word, b'"') | equal(word, b'\\') | equal(word, 0xc2) | equal(word, 0xe2)
    })
}

/// Bytes before the first that may be, or may begin, one of the line ends of Python's `splitlines`.
pub(super) fn length_in_line(bytes: &[u8]) -> usize {
    length_without(bytes, |word| {
        below(word, 0x20) | equal(word, 0xc2) | equal(word, 0xe2)
    })
}

/// Marks the bytes below `bound`, which is at most 128: the lowest mark is right, ones above it may be wrong.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHEST
}

/// Marks the bytes that are `byte`, in the same way.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// `marks` gives for eight bytes, the first of them lowest, the highest bit of the first that is meant.
#[inline(always)]
fn length_without(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            return length + (marked.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let mut last = [b'x'; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let marked = marks(u64::from_le_bytes(last));
    length + ((marked.trailing_zeros() / 8) as usize).min(rest.len())
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
            assert_eq!(plain_length_in_line(&plain), length);
            for place in 0..length {
                for special in [b'"', b'\\', b'\n', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[place] = special;
                    bytes[length - 1] = b'"';
                    assert_eq!(plain_length(&bytes), place, "{special} at {place} of {length}");
                    assert_eq!(
                        plain_length_in_line(&bytes),
                        place,
                        "{special} at {place} of {length}"
                    );
                }
                for special in [b'\n', b'\r', 0x1c, 0xc2, 0xe2] {
                    let mut bytes = plain.clone();
                    bytes[place] = special;
                    assert_eq!(length_in_line(&bytes), place, "{special} at {place} of {length}");
                    assert_eq!(
                        plain_length_in_line(&bytes),
                        place,
                        "{special} at {place} of {length}"
                    );
                }
            }
        }
        assert_eq!(plain_length("äöü\u{7f}".as_bytes()), 7);
    }
}
