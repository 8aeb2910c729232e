//! The state branch as agents judge it, and which commit of it each of them follows: by the rule of the agents themselves [X5].

use shipper_core::state::{Accepted, Descent, FleetState, Refused, accept};

/// The branch, beside what its newest commit says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Branch {
    /// The commit before the newest, which a mirror that lags still has, and a backup.
    before: Option<(u16, u8)>,
    epoch: u8,
    standing: Standing,
}

/// Whether a backup was put in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Standing {
    #[default]
    Whole,
    /// It was, and nobody has taken over yet.
    Lost,
    /// A hub has taken over, and every commit since says so.
    Superseded,
}

/// The commit that an agent follows. Commits are told from one another by their place: none older than the one before the newest is ever offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Follows {
    #[default]
    Nothing,
    /// One that the commit before the newest descends from, of this epoch.
    Older(u8),
    /// The one before the newest.
    Before(u8),
    /// The newest.
    Newest(u8),
    /// One that is gone from the branch.
    Gone,
}

/// Who answers a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Branch,
    Mirror,
}

/// A commit that an agent is offered.
pub struct Offer {
    pub from: From,
    pub written: u16,
    epoch: u8,
    superseding: bool,
}

/// Generations of commits by their place; one that is gone was newer than what stands there after it.
const OLDER: u64 = 1;
const BEFORE: u64 = 2;
const NEWEST: u64 = 3;
const GONE: u64 = 4;

impl Branch {
    /// What a fetch may bring, where this is written.
    pub fn offers(&self, written: u16) -> Vec<Offer> {
        let superseding = self.standing == Standing::Superseded;
        let newest = Offer { from: From::Branch, written, epoch: self.epoch, superseding };
        let older = |(written, epoch)| Offer {
            from: From::Mirror,
            written,
            epoch,
            superseding: superseding && epoch > 0,
        };
        std::iter::once(newest).chain(self.before.map(older)).collect()
    }

    /// A push has won over what stood there. `tracks`: what stood there before matters.
    pub fn pushed(&mut self, over: u16, tracks: bool) {
        self.before = tracks.then_some((over, self.epoch));
        if self.standing == Standing::Lost {
            (self.epoch, self.standing) = (self.epoch + 1, Standing::Superseded);
        }
    }

    /// A backup of the commit before is put in its place, once.
    pub fn restored(&self, may: bool) -> Option<(u16, Self)> {
        let (written, epoch) = self.before.filter(|_| may && self.standing == Standing::Whole)?;
        Some((written, Self { before: None, epoch, standing: Standing::Lost }))
    }

    /// A hub has to take over before it writes anything else.
    pub fn is_lost(&self) -> bool {
        self.standing == Standing::Lost
    }
}

impl Follows {
    /// What the agent follows after it was offered this.
    pub fn accept(self, offer: &Offer) -> Result<Self, Refused> {
        let (generation, follows) = match offer.from {
            From::Branch => (NEWEST, Self::Newest(offer.epoch)),
            From::Mirror => (BEFORE, Self::Before(offer.epoch)),
        };
        let last = match self {
            Self::Nothing => None,
            Self::Older(_) => Some(OLDER),
            Self::Before(_) => Some(BEFORE),
            Self::Newest(_) => Some(NEWEST),
            Self::Gone => Some(GONE),
        };
        let descent = match (self, offer.from) {
            (Self::Nothing, _) => Descent::Unknown,
            (Self::Newest(_), From::Branch) | (Self::Before(_), From::Mirror) => Descent::Same,
            (Self::Newest(_), From::Mirror) | (Self::Gone, _) => Descent::Unrelated,
            (Self::Older(_) | Self::Before(_), _) => Descent::Descendant,
        };
        let last = last.map(|generation| Accepted {
            commit: "last".to_owned(),
            epoch: self.epoch().into(),
            generation,
        });
        let state = FleetState {
            epoch: offer.epoch.into(),
            generation,
            supersedes: offer.superseding.then(|| "gone".to_owned()),
            ..FleetState::default()
        };
        accept(last.as_ref(), "offered", &state, descent).map(|_| follows)
    }

    /// The epoch of the commit.
    pub fn epoch(self) -> u8 {
        match self {
            Self::Nothing | Self::Gone => 0,
            Self::Older(epoch) | Self::Before(epoch) | Self::Newest(epoch) => epoch,
        }
    }

    /// A newer commit stands on the branch.
    pub fn pushed(&mut self, tracks: bool) {
        *self = match *self {
            Self::Newest(epoch) if tracks => Self::Before(epoch),
            Self::Before(epoch) | Self::Newest(epoch) => Self::Older(epoch),
            other => other,
        };
    }

    /// Where nothing but the newest is ever offered: any before it is as good as another.
    pub fn untracked(self) -> Self {
        Self::Older(self.epoch())
    }

    /// A backup of the commit before the newest is on the branch now.
    pub fn restored(&mut self) {
        *self = match *self {
            Self::Newest(_) => Self::Gone,
            Self::Before(epoch) => Self::Newest(epoch),
            other => other,
        };
    }
}
