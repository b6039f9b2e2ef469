"""Screens: pure functions from a view to text and buttons; nothing here knows Telegram.

| screen | function | view made by |
|---|---|---|
| A1 A2 start | `arrival.start` | `views.board.start_view` |
| A3 A4 help | `arrival.help_card` | `views.scene.scene_of` |
| the keyboard | `arrival.keyboard` | a role |
| B1 B2 B3 B4 board | `board.board` | `views.board.board_view` |
| C1 symbol, other | `guided.guided_symbol`, `guided_other` | `views.guided.guided_symbols` |
| C2 side, C3 size, typed | `guided.guided_side`, `guided_size`, `guided_typing` | `guided_view` |
| D1 D2 D3 D5 ticket | `tickets.ticket` | `views.tickets.ticket_view` |
| edit size | `tickets.edit_size` | `views.tickets.ticket_view` |
| E1 E2 E3, cancelled, refused | `outcomes.confirmed`, `expired`, `moved`, `canceled` | same |
| a ticket of any status | `outcomes.outcome` | same |
| E4 E5 and other popups | `refusals.already_used`, `not_yours`, `not_from_here`, `gone` | same |
| E6 denied | `refusals.denied` | `views.tickets.denied_view` |
| F1 F2 F3 unknown | `unknown.unknown`, `found`, `settled` | `views.orders.order_view` |
| G1 G2 fill, any order | `orders.order` (`filling`, `filled`) | `views.orders.order_view` |
| H1 orders | `order_list.orders` | `views.orders.orders_view` |
| H2 H3 positions | `positions.positions`, `position` | `positions_view`, `position_view` |
| H4 closed | `positions.closed` | `views.positions.close_view` |
| stop moved | `exits.stop_moved` | `views.positions.position_view` |
| a stop or target reached | `exits.triggered` | `views.exits.exit_view` |
| I1 I2 ladder | `ladder.halted`, `stops_aside`, `left_as_is` | `views.ladder.ladder_view` |
| I3 I4 I5 flatten | `ladder.flatten` (`flattening`, `flat`, `still_open`) | `views.flatten` |
| I6 I7 resume | `resume.resume`, `resumed` | `resume_view`, `resumed_view` |
| J1 a limit in danger | `limits.warning`, `eased` | `views.breakers` |
| J2 breakers, scopes | `breakers` (all), `scopes` (all) | `views.breakers`, `scopes` |
| J3 slippage | `limits.slippage` | `views.orders.slippage_view` |
| J4 J6 J7 J8 J9 | `trouble.books`, `silent`, `answered`, `backlog`, `stranger` | `views.trouble` |
| K1 audit, one entry | `records.audit`, `audit_entry` | `audit_view`, `event_view` |
| K2 K3 K4 | `records.risk`, `report`, `alerts` | `views.records` |
| M1 M4 and other refusals | `refusals.refused` | `refusal_view`, `command_refused_view` |
| M2 M3 | `refusals.too_small`, `wrong_stop` | `views.refusals` |
| balance, PnL, performance, signals, mode, venues, chart | `accounts` | `views.accounts` |

`figures` writes numbers, `layout` sets lines, panels and buttons, `splitting` cuts long texts.
"""
