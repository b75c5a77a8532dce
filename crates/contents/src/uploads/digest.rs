//! SHA-256 of what has come so far, which can be written down and taken up again: 10 GB need not be read a second time
//! because a connection broke or the server was started anew.

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// A SHA-256 checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// From its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From its 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        Self::from_bytes(&hex::decode(digits.trim()).ok()?)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Checksum({self})")
    }
}

/// A checksum in the making.
#[derive(Clone, Default)]
pub(super) struct Summing(Sha256);

impl Summing {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Checksum {
        Checksum(self.0.finalize().into())
    }

    /// To be written down.
    pub(super) fn state(&self) -> String {
        hex::encode(self.0.serialize())
    }

    /// From what was written down.
    pub(super) fn from_state(state: &str) -> Option<Self> {
        let bytes = hex::decode(state).ok()?;
        let state = SerializedState::<Sha256>::try_from(bytes.as_slice()).ok()?;
        Sha256::deserialize(&state).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_goes_on_from_what_was_written_down() {
        let bytes: Vec<u8> = (0..1000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for split in [0, 1, 63, 64, 65, 999, 1000] {
            let mut first = Summing::default();
            first.update(&bytes[..split]);
            let mut second = Summing::from_state(&first.state()).unwrap();
            second.update(&bytes[split..]);
            assert_eq!(
                second.finish().as_bytes(),
                Sha256::digest(&bytes).as_slice(),
                "{split}"
            );
        }
        assert!(Summing::from_state("").is_none() && Summing::from_state("xy").is_none());
    }
}
