"""Examples: what `--help` shows below the arguments of each command."""

from typing import Final

EXAMPLES: Final = """examples:
  quarterdeck demo                  try it: a chat, a market and 10,000 USDT, no account needed
  quarterdeck doctor                check the settings before the first run
  quarterdeck run                   trade, as the environment or .env says
  quarterdeck stop                  no new entries, now, from this shell
  quarterdeck flatten               stop, close every position, verify at the venues
  quarterdeck journal verify        prove that the journal is whole
  quarterdeck backup FILE           save all of it, while the console runs
  quarterdeck restore FILE          begin again from that, in an empty database
  quarterdeck history backfill --help   fetch candles for charts and backtests

exit codes: 0 done; 1 not done, or something is wrong; 2 settings, arguments or a journal that
cannot be used, one sentence each on standard error.
"""
DEMO_EXAMPLES: Final = """examples:
  quarterdeck demo
  quarterdeck demo --port 8123 --no-browser
  quarterdeck demo --folder ./try --seed 7
"""
RUN_EXAMPLES: Final = """examples:
  quarterdeck run
  quarterdeck run --env-file /etc/quarterdeck.env
"""
KILL_EXAMPLES: Final = """examples:
  quarterdeck {verb}
  quarterdeck {verb} --demo
  quarterdeck {verb} --env-file /etc/quarterdeck.env
"""
JOURNAL_EXAMPLES: Final = """examples:
  quarterdeck journal {action}
  quarterdeck journal {action} --demo
  quarterdeck journal {action} --database sqlite:///quarterdeck-paper.db
"""


BACKUP_EXAMPLES: Final = """examples:
  quarterdeck {verb} quarterdeck.backup
  quarterdeck {verb} quarterdeck.backup --demo
  quarterdeck {verb} quarterdeck.backup --database {example}
"""
