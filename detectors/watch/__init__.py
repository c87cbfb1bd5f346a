"""The watch over one subject: panes in; findings, binnings and heartbeats out.

`fold` is the whole of it, `state` what it remembers, `track` how one column is counted; `account`, `causes` and
`naming` say what an edge means, `picture` what people look at.
"""
