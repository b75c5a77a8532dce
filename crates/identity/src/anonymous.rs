//! Users of whom nothing is known but that they may come in: a shared token does not say who.

use std::sync::Arc;

use crate::Identity;

/// The moons of Jupiter that have names, of which anonymous users get one.
const MOONS: [&str; 57] = [
    "Metis",
    "Adrastea",
    "Amalthea",
    "Thebe",
    "Io",
    "Europa",
    "Ganymede",
    "Callisto",
    "Themisto",
    "Leda",
    "Ersa",
    "Pandia",
    "Himalia",
    "Lysithea",
    "Elara",
    "Dia",
    "Carpo",
    "Valetudo",
    "Euporie",
    "Eupheme",
    "Helike",
    "Euanthe",
    "Hermippe",
    "Praxidike",
    "Thyone",
    "Thelxinoe",
    "Ananke",
    "Mneme",
    "Orthosie",
    "Harpalyke",
    "Iocaste",
    "Erinome",
    "Aitne",
    "Herse",
    "Taygete",
    "Eukelade",
    "Carme",
    "Isonoe",
    "Autonoe",
    "Philophrosyne",
    "Cyllene",
    "Pasithee",
    "Pasiphae",
    "Sponde",
    "Eurydome",
    "Kalyke",
    "Hegemone",
    "Kale",
    "Kallichore",
    "Chaldene",
    "Arche",
    "Eirene",
    "Kore",
    "Megaclite",
    "Aoede",
    "Callirrhoe",
    "Sinope",
];

impl Identity {
    /// A new user with a random name, as `Anonymous Io`.
    #[must_use]
    pub fn anonymous() -> Self {
        let id = uuid::Uuid::new_v4();
        let moon = usize::from(u16::from_le_bytes(first_two(id.as_bytes()))) % MOONS.len();
        let moon = MOONS.get(moon).copied().unwrap_or("Io");
        let name = format!("Anonymous {moon}");
        Self {
            username: Arc::from(id.simple().to_string()),
            display_name: name.clone(),
            name,
            initials: moon.chars().next().map(|letter| format!("A{letter}")),
            avatar_url: None,
            color: None,
            groups: Vec::new(),
            is_new: true,
        }
    }
}

fn first_two(bytes: &[u8; 16]) -> [u8; 2] {
    let [first, second, ..] = *bytes;
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anonymous_user_is_named_after_a_moon_and_never_twice_the_same() {
        let (one, other) = (Identity::anonymous(), Identity::anonymous());
        assert_ne!(one.username, other.username);
        assert_eq!(one.username.len(), 32);
        let moon = one.name.strip_prefix("Anonymous ").expect("the reference's form");
        assert!(MOONS.contains(&moon));
        assert_eq!(one.initials, Some(format!("A{}", &moon[..1])));
    }
}
