//! Hashed passwords, in all forms `jupyter server password` ever wrote.

use argon2::{Argon2, PasswordVerifier};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::IdentityError;

/// A password as its hash; the form is checked when it is made.
#[derive(Clone)]
pub(crate) enum HashedPassword {
    /// `argon2:$argon2id$…`
    Argon2(String),
    /// `sha1:salt:digest` and its kin: the digest of the password followed by the salt.
    Salted {
        algorithm: Algorithm,
        salt: String,
        digest: String,
    },
}

#[derive(Clone, Copy)]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl HashedPassword {
    /// Reads the setting; empty is none.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, IdentityError> {
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(hash) = text.strip_prefix("argon2:") {
            return Ok(Some(Self::Argon2(hash.to_owned())));
        }
        let mut parts = text.splitn(3, ':');
        let (Some(algorithm), Some(salt), Some(digest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(IdentityError::PasswordForm);
        };
        let algorithm = match algorithm {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(IdentityError::PasswordForm),
        };
        Ok(Some(Self::Salted {
            algorithm,
            salt: salt.to_owned(),
            digest: digest.to_lowercase(),
        }))
    }

    /// Whether it is the password. Takes some 70 ms for argon2: call it on a blocking task.
    pub(crate) fn matches(&self, password: &str) -> bool {
        match self {
            // The cost is that of the hash, not ours.
            Self::Argon2(hash) => Argon2::default()
                .verify_password(password.as_bytes(), hash.as_str())
                .is_ok(),
            Self::Salted {
                algorithm,
                salt,
                digest,
            } => {
                let salted = [password.as_bytes(), salt.as_bytes()].concat();
                let found = match algorithm {
                    Algorithm::Sha1 => hex::encode(Sha1::digest(&salted)),
                    Algorithm::Sha256 => hex::encode(Sha256::digest(&salted)),
                    Algorithm::Sha512 => hex::encode(Sha512::digest(&salted)),
                };
                !digest.is_empty() && bool::from(found.as_bytes().ct_eq(digest.as_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_jupyter_made_are_accepted() {
        // The first is made by jupyter_server 2.21 `passwd("mypassword")`, the others are in its documentation's form.
        let argon2 = "argon2:$argon2id$v=19$m=10240,t=10,p=8$fzlKE7G34PnU22bliRqZPQ$IK/ChsBM/k62CH4F6sSPBgoRTA30qPwe/TilG7Wt/54";
        for (hash, right) in [
            (argon2, "mypassword"),
            (
                "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a",
                "mypassword",
            ),
            (
                "sha256:5a17:a8059cde587fdf107c9e542f277022ae5e0f5958eae30d1a988664c409b03a40",
                "mypassword",
            ),
        ] {
            let hash = HashedPassword::parse(hash).unwrap().unwrap();
            assert!(hash.matches(right));
            assert!(!hash.matches("otherpassword"));
            assert!(!hash.matches(""));
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for bad in ["secret", "md5:a:b", "sha1:only", ":"] {
            assert!(HashedPassword::parse(bad).is_err(), "{bad}");
        }
        assert!(HashedPassword::parse("").unwrap().is_none());
        let empty = HashedPassword::parse("sha1:salt:").unwrap().unwrap();
        assert!(!empty.matches(""));
        let broken = HashedPassword::parse("argon2:$argon2id$broken").unwrap().unwrap();
        assert!(!broken.matches(""));
    }
}
