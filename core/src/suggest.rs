//! The nearest known name for one that is not known.

/// Likeness from which a name is worth suggesting: `stagin` for `staging`, not `web` for `staging`.
const ALIKE: f64 = 0.75;

/// The known name most like `wanted`, if any is like it.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The end of an error message: the nearest name, else all of them.
pub fn hint(wanted: &str, known: &[&str]) -> String {
    match (nearest(wanted, known.iter().copied()), known) {
        (Some(name), _) => format!("did you mean {name}?"),
        (None, []) => "there are none".to_owned(),
        (None, known) => format!("there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        assert_eq!(nearest("stagin", ["staging", "full on"]), Some("staging"));
        assert_eq!(nearest("STAGING", ["staging", "full on"]), Some("staging"));
        assert_eq!(hint("web", &["staging", "full on"]), "there are staging, full on");
        assert_eq!(hint("web", &[]), "there are none");
    }
}
