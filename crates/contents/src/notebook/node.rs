//! A JSON tree that loses nothing and copies little: strings without escapes borrow from the text they were read
//! from, integers keep all their digits, keys keep their order.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lines::split;

/// Objects up to this size find duplicate keys by comparing each with each.
const SMALL_OBJECT: usize = 12;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// Decimal digits with an optional minus, of any length.
    Integer(Cow<'a, str>),
    /// Always finite.
    Float(f64),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// An array of strings in one piece: most of a notebook's text.
    Lines(Lines<'a>),
    Object(Object<'a>),
}

/// The strings of an array that isn't empty, end to end, as notebooks keep a text as its lines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lines<'a> {
    text: Cow<'a, str>,
    /// Invariant: where each string ends within `text`; rising, each at a character's boundary, the last at its end.
    /// `None` where they are the lines of the text, which nobody has looked for yet.
    ends: Option<Vec<usize>>,
}

impl<'a> Lines<'a> {
    /// The parts of `text` that end at `ends`; `None` if these are not the ends of its parts.
    pub(crate) fn cut(text: Cow<'a, str>, ends: Vec<usize>) -> Option<Self> {
        let are_ends = ends.is_sorted()
            && ends.last() == Some(&text.len())
            && ends.iter().all(|end| text.is_char_boundary(*end));
        are_ends.then_some(Self {
            text,
            ends: Some(ends),
        })
    }

    /// The lines of a text; `None` if it has none.
    pub(crate) fn of(text: Cow<'a, str>) -> Option<Self> {
        (!text.is_empty()).then_some(Self { text, ends: None })
    }

    /// The strings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        let parts = self.ends.iter().flatten().map(move |end| {
            let line = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            line
        });
        let lines = self.lines_to_find().map(split);
        parts.chain(lines.into_iter().flatten())
    }

    /// The text whose lines are the strings.
    pub(crate) fn lines_to_find(&self) -> Option<&str> {
        self.ends.is_none().then_some(&*self.text)
    }

    /// The strings joined.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The same without the document it was read from.
    pub(crate) fn into_owned<'b>(self) -> Lines<'b> {
        Lines {
            text: Cow::Owned(self.text.into_owned()),
            ends: self.ends,
        }
    }

    pub(crate) fn into_text(self) -> Cow<'a, str> {
        self.text
    }
}

/// A JSON object: its keys are distinct and in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object<'a> {
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Node<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn integer(value: i64) -> Self {
        Self::Integer(Cow::Owned(value.to_string()))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of an integer that fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Node<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_array_mut(&mut self) -> Option<&mut Vec<Node<'a>>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Makes every [`Lines`] an array like any other, for what walks trees that are not of nbformat 4.
    pub(crate) fn expand_lines(&mut self) {
        match self {
            Self::Lines(lines) => {
                let items = lines.iter().map(|line| Node::text(line.to_owned()));
                *self = Self::Array(items.collect());
            }
            Self::Array(items) => items.iter_mut().for_each(Node::expand_lines),
            Self::Object(object) => object.expand_lines(),
            _ => {}
        }
    }

    /// What JSON calls the type of this value.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) | Self::Lines(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Whether Python would call this value true.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Integer(digits) => digits != "0",
            Self::Float(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Lines(_) => true,
            Self::Object(object) => !object.members.is_empty(),
        }
    }
}

impl<'a> Object<'a> {
    /// From the members of a text; of members with one key the last counts, at the place of the first, as in
    /// Python and JavaScript.
    pub(crate) fn from_members(members: Vec<(Cow<'a, str>, Node<'a>)>) -> Self {
        if has_duplicates(&members) {
            let mut object = Self::default();
            let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(members.len());
            for (key, value) in members {
                if let Some((_, old)) = places.get(&key).and_then(|place| object.members.get_mut(*place)) {
                    *old = value;
                } else {
                    places.insert(key.clone(), object.members.len());
                    object.members.push((key, value));
                }
            }
            return object;
        }
        Self { members }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node<'a>> {
        self.members
            .iter_mut()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets a member; a new one goes last.
    pub(crate) fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: Node<'a>) {
        let key = key.into();
        match self.get_mut(&key) {
            Some(old) => *old = value,
            None => self.members.push((key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Node<'a>> {
        let place = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(place).1)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Node<'a>)> {
        self.members.iter().map(|(key, value)| (&**key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node<'a>)> {
        self.members.iter_mut().map(|(key, value)| (&**key, value))
    }

    /// As [`Node::expand_lines`].
    pub(crate) fn expand_lines(&mut self) {
        self.iter_mut().for_each(|(_, value)| value.expand_lines());
    }

    pub(crate) fn into_members(self) -> Vec<(Cow<'a, str>, Node<'a>)> {
        self.members
    }

    /// The members by key; by UTF-8 bytes, which is by code point, as Python sorts.
    pub(crate) fn sorted(&self) -> Vec<(&str, &Node<'a>)> {
        let mut members: Vec<_> = self.iter().collect();
        members.sort_unstable_by_key(|(key, _)| *key);
        members
    }
}

impl<'a> FromIterator<(Cow<'a, str>, Node<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Node<'a>)>>(members: I) -> Self {
        Self::from_members(members.into_iter().collect())
    }
}

fn has_duplicates(members: &[(Cow<'_, str>, Node<'_>)]) -> bool {
    if members.len() <= SMALL_OBJECT {
        let mut rest = members;
        while let Some(((key, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == key) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    keys.windows(2)
        .any(|pair| matches!(pair, [first, second] if first == second))
}
