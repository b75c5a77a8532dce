//! The few header fields the server needs; all others pass through unseen.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A message's header, read only for its ids and its type.
///
/// Kernels differ: Almond leaves out `date`, others send `null` or numbers in the optional fields. Only
/// `msg_id` and `msg_type` must be there; what else is missing or no string reads as `""`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Header<'a> {
    /// The message's id, unique in its session.
    #[serde(borrow)]
    pub msg_id: Cow<'a, str>,
    /// The message's type, as `execute_request`.
    #[serde(borrow)]
    pub msg_type: Cow<'a, str>,
    /// The id of the client's, or the kernel's, run.
    #[serde(borrow, default, deserialize_with = "text_or_empty")]
    pub session: Cow<'a, str>,
    /// Who sent it; front ends mostly say `""`.
    #[serde(borrow, default, deserialize_with = "text_or_empty")]
    pub username: Cow<'a, str>,
}

/// A string as it is; anything else as `""`.
fn text_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    deserializer.deserialize_any(TextOrEmpty)
}

struct TextOrEmpty;

impl<'de> Visitor<'de> for TextOrEmpty {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cow::Borrowed(""))
    }
}
