//! All clusters of a fleet on one line: a column each, at the same place for every application, so that the eye finds what a cluster
//! does over many of them. How tall a mark is says what its colour says.

use super::mood::Mood;
use std::fmt::Write as _;

/// Marks of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Which.
    pub mood: Mood,
    /// Where, as the data of a path.
    pub path: String,
}

/// The marks of all clusters; `None` = the application is not there. Runs of the same kind are one line.
pub fn marks(moods: &[Option<Mood>]) -> Vec<Marks> {
    let mut kinds: Vec<Mood> = moods.iter().copied().flatten().collect();
    kinds.sort();
    kinds.dedup();
    kinds.into_iter().map(|mood| Marks { mood, path: path(moods, mood) }).collect()
}

fn path(moods: &[Option<Mood>], mood: Mood) -> String {
    let mut path = String::new();
    let (mut at, mut pen) = (0, None);
    while at < moods.len() {
        let run = moods[at..].iter().take_while(|one| **one == Some(mood)).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let _ = match pen {
            Some(pen) => write!(path, "m{} 0h{run}", at - pen),
            None => write!(path, "M{at} 6h{run}"),
        };
        at += run;
        pen = Some(at);
    }
    path
}

/// What the strip shows, in words: `97 at rest, 2 moving, 1 failing`.
pub fn words(moods: &[Option<Mood>]) -> String {
    let mut kinds: Vec<Mood> = moods.iter().copied().flatten().collect();
    kinds.sort();
    kinds.dedup();
    let counted = |mood: &Mood| {
        let number = moods.iter().filter(|one| **one == Some(*mood)).count();
        format!("{number} {}", mood.label().to_lowercase())
    };
    kinds.iter().map(counted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_one_line_and_columns_keep_their_places() {
        let mut moods = vec![Some(Mood::Settled); 5];
        moods[2] = Some(Mood::Failing);
        moods.push(None);
        let marks = marks(&moods);
        assert_eq!(marks.len(), 2);
        assert_eq!((marks[0].mood, marks[0].path.as_str()), (Mood::Failing, "M2 6h1"));
        assert_eq!((marks[1].mood, marks[1].path.as_str()), (Mood::Settled, "M0 6h2m1 0h2"));
        assert_eq!(words(&moods), "1 failing, 4 at rest");
    }
}
