//! `snf-image cache list`, `prune` and `verify`.
// SPDX-License-Identifier: BSD-2-Clause

use jiff::Timestamp;
use serde_json::json;
use snf_image_sandbox::User;

use super::Failure;
use crate::cache::{Cache, Listed};
use crate::cancel::Cancel;
use crate::cli::CacheCommand;
use crate::config::Settings;
use crate::output;
use crate::source::Input;
use crate::verification::{Checks, VerificationError, Verifying};

pub(super) fn run(command: &CacheCommand, settings: &Settings, json: bool) -> Result<(), Failure> {
    let cache = Cache::of(settings).map_err(|fault| Failure::failed(&fault))?;
    let cache = cache.ok_or_else(|| {
        Failure::input(&"there is no cache of images: set IMAGE_CACHE_DIR, see /usr/share/doc/snf-image-host/cache.md")
    })?;
    match command {
        CacheCommand::List => list(&cache, json),
        CacheCommand::Prune { all } => prune(&cache, *all, json),
        CacheCommand::Verify => verify(&cache, settings, json),
    }
}

fn list(cache: &Cache, json: bool) -> Result<(), Failure> {
    for listed in images(cache)? {
        if json {
            let line = serde_json::to_string(&listed);
            output::say_as_is(&line.map_err(|fault| Failure::failed(&fault))?);
        } else {
            output::say(&line(&listed));
        }
    }
    Ok(())
}

fn line(listed: &Listed) -> String {
    let used = Timestamp::from_second(listed.used).map_or_else(|_| "-".into(), |at| at.to_string());
    format!(
        "{}  {} bytes, {} on disk, last used {used}{}  {}",
        listed.digest,
        listed.length,
        listed.allocated,
        if listed.in_use { ", in use" } else { "" },
        listed.names.join(" ")
    )
}

fn prune(cache: &Cache, all: bool, json: bool) -> Result<(), Failure> {
    let removed = cache.prune(all).map_err(|fault| Failure::failed(&fault))?;
    if json {
        output::say_as_is(&json!({"removed": removed}).to_string());
    } else {
        output::say(&format!("{removed} images were removed"));
    }
    Ok(())
}

/// Damaged images are a failure, although there are none left.
fn verify(cache: &Cache, settings: &Settings, json: bool) -> Result<(), Failure> {
    let cancel = Cancel::by_signals()?;
    let user = User::lookup(&settings.helper_user).map_err(|fault| Failure::failed(&fault))?;
    let mut damaged: usize = 0;
    for listed in images(cache)? {
        let is_good = is_good(cache, &listed, &user, &cancel)?;
        damaged = damaged.saturating_add(usize::from(!is_good));
        if json {
            let line = json!({"digest": listed.digest, "good": is_good});
            output::say_as_is(&line.to_string());
        } else {
            let verdict = if is_good { "good" } else { "damaged, removed" };
            output::say(&format!("{}  {verdict}", listed.digest));
        }
    }
    match damaged {
        0 => Ok(()),
        damaged => Err(Failure::failed(&format!(
            "{damaged} damaged images were removed from the cache"
        ))),
    }
}

fn is_good(cache: &Cache, listed: &Listed, user: &User, cancel: &Cancel) -> Result<bool, Failure> {
    let hit = match cache.look_at(&listed.digest) {
        Ok(hit) => hit,
        // Somebody has removed it meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(Failure::failed(&error)),
    };
    let source = match hit.source(&listed.digest.to_string()) {
        Ok(source) => source,
        Err(_) => return discard(cache, &hit),
    };
    let checks = Checks {
        kept: Some(listed.digest.clone()),
        ..Checks::default()
    };
    let verified = Verifying::start(Input::File(source), checks, None, user)
        .and_then(|(_, verifying)| verifying.finish(cancel));
    match verified {
        Ok(_) => Ok(true),
        Err(VerificationError::Kept { .. } | VerificationError::Image(_)) => discard(cache, &hit),
        Err(error) => Err(Failure::failed(&error)),
    }
}

fn discard(cache: &Cache, hit: &crate::cache::Hit) -> Result<bool, Failure> {
    cache
        .discard(hit)
        .map_err(|fault| Failure::failed(&fault))?;
    Ok(false)
}

fn images(cache: &Cache) -> Result<Vec<Listed>, Failure> {
    cache.list().map_err(|fault| Failure::failed(&fault))
}
