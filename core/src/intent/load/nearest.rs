//! What somebody who wrote an unknown field probably meant.

use super::check::join;
use super::schema::{Field, Shape};

/// The message for a field that `fields` does not have, in an object with the fields `root`.
pub(super) fn unknown_field(name: &str, fields: &[Field], root: &[Field]) -> String {
    let known =
        || fields.iter().filter(|field| !matches!(field.shape, Shape::Dropped)).map(|field| field.name);
    if let Some(meant) = nearest(name, known()) {
        return format!("unknown field `{name}`, did you mean `{meant}`?");
    }
    let mut places = Vec::new();
    find(name, root, "", &mut places);
    if let [place] = places.as_slice() {
        return format!("unknown field `{name}` here; it belongs into `{place}`");
    }
    format!("unknown field `{name}`; known here: {}", known().collect::<Vec<_>>().join(", "))
}

/// The candidate that differs from `name` by case, or by fewer than about a third of its letters.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The records in which a field of exactly this name is known.
fn find(name: &str, fields: &[Field], path: &str, places: &mut Vec<String>) {
    if !path.is_empty()
        && fields.iter().any(|field| field.name == name && !matches!(field.shape, Shape::Dropped))
    {
        places.push(path.to_owned());
    }
    for field in fields {
        let inner = join(path, field.name);
        match &field.shape {
            Shape::Record(fields) => find(name, fields, &inner, places),
            Shape::List(Shape::Record(fields), _) => find(name, fields, &format!("{inner}[]"), places),
            _ => {}
        }
    }
}
