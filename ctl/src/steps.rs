//! Steps as people name them: by name, or by the number that every text shows, counted from 1.

use shipper_core::intent::StepRef;

use crate::Error;
use shipper_core::suggest;

/// The index of the step that somebody asks for by name or number. A name goes before a number: files of the original may have
/// steps whose names are numbers.
///
/// # Errors
/// When the release has no such step.
pub fn find(release: &str, steps: &[String], asked: &str) -> Result<usize, Error> {
    let named = steps.iter().position(|step| step == asked);
    let numbered = || asked.parse().ok().and_then(|number: usize| number.checked_sub(1));
    named.or_else(numbered).filter(|index| *index < steps.len()).ok_or_else(|| unknown(release, steps, asked))
}

fn unknown(release: &str, steps: &[String], asked: &str) -> Error {
    let nearest = suggest::nearest(asked, steps.iter().map(String::as_str));
    let nearest = nearest.map(|name| format!("did you mean {name:?}? ")).unwrap_or_default();
    let counted = if asked.parse::<usize>().is_ok() { "steps count from 1: " } else { "" };
    Error::NotFound {
        what: "step",
        name: asked.to_owned(),
        hint: format!("{nearest}{counted}the steps of {release} are {}", list(steps.iter().enumerate())),
    }
}

/// Steps by their indices, as people are told them: `1 "canary", 2 "half"`.
pub fn list<'s>(steps: impl IntoIterator<Item = (usize, &'s String)>) -> String {
    let told = steps.into_iter().map(|(index, name)| format!("{} {name:?}", index + 1));
    told.collect::<Vec<_>>().join(", ")
}

/// How a step is written in a file: by its name, or where a file would read that as an index, by its index.
pub fn written(name: &str, index: usize) -> StepRef {
    match (name.parse::<u64>(), u32::try_from(index)) {
        (Ok(_), Ok(index)) => StepRef::Index(index),
        _ => StepRef::Name(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_means_the_step_that_is_shown_with_it() {
        let steps = ["canary", "half", "full on"].map(str::to_owned);
        let found = |asked| find("r", &steps, asked).map_err(|error| error.to_string());
        assert_eq!([found("canary"), found("1"), found("3")], [Ok(0), Ok(0), Ok(2)]);
        let from_one = r#"steps count from 1: the steps of r are 1 "canary", 2 "half", 3 "full on""#;
        for outside in ["0", "4"] {
            assert_eq!(found(outside), Err(format!("there is no step {outside:?}; {from_one}")));
        }
        assert!(found("haf").unwrap_err().contains("did you mean \"half\"? the steps of r are 1 \"canary\""));
    }

    /// [I2] Only files of the original may have such names.
    #[test]
    fn a_name_that_is_a_number_goes_before_the_number_and_is_written_as_the_index() {
        let steps = ["2", "1"].map(str::to_owned);
        assert_eq!(find("r", &steps, "2").unwrap(), 0);
        assert_eq!(written("2", 0), StepRef::Index(0));
        assert_eq!(written("half", 1), StepRef::Name("half".to_owned()));
    }
}
