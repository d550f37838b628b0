//! Every remedy is short, and its text agrees with its next step.

use super::{NextStep, Remedy};

/// Every remedy, with short texts for its fields.
pub(in crate::failure) fn all() -> Vec<Remedy> {
    let text = || "one".into();
    vec![
        Remedy::Wait,
        Remedy::ExtendTimeout,
        Remedy::Replan,
        Remedy::CopyAgain,
        Remedy::AbortUpload,
        Remedy::CompareCopy,
        Remedy::FindCopy,
        Remedy::KeepReplica,
        Remedy::CopyNewerVersion,
        Remedy::Grant { action: text(), resource: text() },
        Remedy::GrantActionOrKey { action: text(), resource: text() },
        Remedy::Allow { action: text(), resource: text() },
        Remedy::CheckCredentials,
        Remedy::AllowDeletion { object: text() },
        Remedy::EnableKey,
        Remedy::GrantKey,
        Remedy::EnableOrGrantKey,
        Remedy::CheckSourceKey,
        Remedy::CheckDestinationKey,
        Remedy::UploadWithOtherKey,
        Remedy::Restore { object: text() },
        Remedy::RestoreCopy,
        Remedy::CreateBucket { bucket: text() },
        Remedy::CreateTopic,
        Remedy::SetVariable { variable: text(), expected: text() },
        Remedy::SeparateBuckets { variable: text() },
        Remedy::StopOtherClient,
        Remedy::RequestBackup,
        Remedy::CorrectInput,
        Remedy::NotPossible,
        Remedy::ReportAndRedrive,
        Remedy::Report,
        Remedy::ReadLog,
        Remedy::RaiseConcurrency,
        Remedy::CheckLambda,
    ]
}

#[test]
fn every_remedy_has_at_most_two_sentences_of_at_most_twenty_five_words() {
    for remedy in all() {
        let text = remedy.to_string();
        let sentences: Vec<_> = text.split_inclusive(". ").map(str::trim).collect();
        assert!(sentences.len() <= 2, "{text}");
        for sentence in sentences {
            assert!(sentence.split_whitespace().count() <= 25, "{sentence}");
        }
        assert!(text.ends_with('.'), "{text}");
    }
}

#[test]
fn a_remedy_mentions_a_redrive_if_one_helps() {
    for remedy in all().into_iter().filter(|remedy| *remedy != Remedy::Replan) {
        let text = remedy.to_string().to_lowercase();
        match remedy.next_step() {
            NextStep::Redrive | NextStep::RedriveLater => assert!(text.contains("redrive"), "{text}"),
            NextStep::RequestBackup | NextStep::CorrectInput | NextStep::None => {
                assert!(!text.contains("then redrive"), "{text}");
            }
        }
    }
}

#[test]
fn the_remedies_without_a_redrive_are_listed() {
    let without = all().into_iter().filter(|remedy| {
        matches!(remedy.next_step(), NextStep::RequestBackup | NextStep::CorrectInput | NextStep::None)
    });
    assert_eq!(without.collect::<Vec<_>>(), Remedy::WITHOUT_REDRIVE);
}
