"""What a git host and a CI tell the event, and what they are told: the webhook, the state of a commit.

`POST /services/event/hook`: a delivery of GitHub, GitLab, Gitea, Forgejo or Bitbucket, or of any program
that signs the body with the event's webhook secret as GitHub does: `X-GitHub-Delivery: <anything new>` and
`X-Hub-Signature-256: sha256=<hex HMAC-SHA256>`. Nothing in it is believed: it is a hint to look at the branch
of the repository that the event file names. Answers

    202 {"queued": true}       taken down; the loader looks at once
    200 {"queued": false}      this delivery, or the same body within ten minutes, is known already
    401                        not signed, or wrongly
    413                        larger than 5 MB
    429                        too many wrong signatures came from this address

`GET /services/event/api/commits/<sha>`: what became of a commit (40 or 64 lower-case hex digits). For a
person who has signed in, or a program that sends

    X-Divebell-Time: <Unix time in seconds, at most five minutes from ours>
    X-Divebell-Signature: sha256=<hex HMAC-SHA256 of "GET /services/event/api/commits/<sha> <Unix time>">

with the webhook secret as key. Answers

    {
      "commit": "<sha>",
      "state": "unknown" | "waiting" | "loading" | "loaded" | "failed",
      "reason": null | "what is wrong with the commit as a whole, or why it waits",
      "started_at": null | "2026-11-27T09:30:00+00:00",     when the loader began with it
      "finished_at": null | …,                              when it had dealt with every dataset
      "datasets": [                                         of the commit, once it is loading
        {"file": "data/wells.csv", "layer": null, "table": "wells" | null, "rows": 2 | null,
         "warnings": ["…"], "error": null | "why it is not loaded", "changed": true | false}
      ],
      "branch": {"name": "main", "head": "<sha>" | null, "looked_at": null | "…"},
      "loaded": null | "<sha>"                              the commit whose datasets all are in place now
    }

- `unknown`: the loader has not met it. When `branch.looked_at` is later than the push, the commit is not the
  branch's last one: a later push has overtaken it, or it is on another branch.
- `waiting`: a hint is queued, and the loader has not looked yet; or the repository cannot be reached.
- `failed`: something is wrong with the commit as a whole (`reason`), or a dataset that changed with it could
  not be loaded. A dataset that could not be loaded before and is the same has its `error`, and
  `"changed": false`.
"""

from divebell.following.routes import SIGNATURE, SIGNED, routes

__all__ = ["SIGNATURE", "SIGNED", "routes"]
