using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Orleans;
using Twin.Model;
using Twin.Model.Ledger;

namespace Twin.Grains.Spaces;

/// <summary>
/// Tickets at the door. A user's ticket is marked as used in the ledger once; whom it brought in comes again freely. That the door is about to mark it, and under which key, is stored first:
/// whatever dies in between, the same key is done once, and a ticket used at this door was used by the one user it is noted for.
/// </summary>
internal sealed partial class SpaceGrain
{
    private readonly Dictionary<string, string> _holders = new(StringComparer.Ordinal);

    /// <summary>Null when the user may come in.</summary>
    private async Task<Problem?> TicketProblemAsync(JoinRequest request)
    {
        if (_definition is not { TicketBook: { } book, TicketAsset: { } asset } || MayModerate(request.User)) return null;
        var pass = state.State.Tickets.GetValueOrDefault(request.User);
        if (pass is not null && (pass.Book != book || pass.Asset != asset)) pass = null; // of another event
        if (pass is { IsUsed: true }) return null;
        if (pass is null)
        {
            if (string.IsNullOrEmpty(request.Ticket)) return new Problem("TicketMissing", $"A ticket of {asset} in the book {book} is needed: name it as 'ticket'.", "ticket");
            var (account, notIts) = await HolderAsync(book, asset, request);
            if (account is null) return notIts;
            if (state.State.Tickets.GetValueOrDefault(request.User) is { } before && before.Book == book && before.Asset == asset) return await UseAsync(before, request.User); // another call of the user was first
            var place = $"{book}/{asset}/{request.Ticket}";
            if (_holders.TryGetValue(place, out var other) && other != request.User)
            {
                if (await UseAsync(state.State.Tickets[other], other) is null) return new Problem("TicketUsed", $"Ticket '{request.Ticket}' has brought in another.", "ticket");
                if (_holders.ContainsKey(place)) return new Problem("TicketBusy", "Another is being let in with this ticket; try again.", "ticket");
            }

            pass = new SpaceTicket { Book = book, Asset = asset, Item = request.Ticket, Holder = account, Key = LedgerKey.New(clock).Text };
            (state.State.Tickets[request.User], _holders[place]) = (pass, request.User);
            await SaveAsync();
        }

        return await UseAsync(pass, request.User);
    }

    /// <summary>Marks a noted ticket. Null when it is used by this user; what the ledger refuses is noted no more.</summary>
    private async Task<Problem?> UseAsync(SpaceTicket ticket, string user)
    {
        if (ticket.IsUsed) return null;
        if (!LedgerKey.TryMake(ticket.Key, null, out var key, out var wrong)) return wrong;
        var result = await GrainFactory.GetGrain<ILedgerBookGrain>(ticket.Book).AdmitAsync(new AdmitTicket(key, ticket.Asset, ticket.Item, Gate, ticket.Holder), null, 0);
        var isUsed = result.Problem is null || (result.Status == TwinStatus.Conflict && await WasUsedHereAsync(ticket));
        if (!isUsed && result.Status is TwinStatus.Unavailable or TwinStatus.TooMuch) return result.Problem; // it may have been done: the same key tells, next time
        if (isUsed) ticket.IsUsed = true;
        else if (state.State.Tickets.GetValueOrDefault(user) == ticket)
        {
            state.State.Tickets.Remove(user);
            _holders.Remove(ticket.Place);
        }

        await SaveAsync();
        return isUsed ? null : result.Problem;
    }

    /// <summary>Whether the ledger has it used at this door: then by the user it is noted for, for it is noted for one only.</summary>
    private async Task<bool> WasUsedHereAsync(SpaceTicket ticket)
    {
        var read = (await GrainFactory.GetGrain<ILedgerBookGrain>(ticket.Book).ReadAsync(new LedgerRead(LedgerView.Ticket, ticket.Asset, ticket.Item), null, 0)).Value;
        if (read.Problem is not null) return false;
        using var json = JsonDocument.Parse(read.Json);
        return json.RootElement.TryGetProperty("gate", out var gate) && gate.GetString() == Gate;
    }

    /// <summary>Who shows a ticket must own the account that holds it.</summary>
    private async Task<(string? Account, Problem? Problem)> HolderAsync(string book, string asset, JoinRequest request)
    {
        var owner = GrainFactory.GetGrain<ILedgerBookGrain>(book);
        var ticket = (await owner.ReadAsync(new LedgerRead(LedgerView.Ticket, asset, request.Ticket), null, 0)).Value;
        if (ticket.Problem is not null) return (null, ticket.Problem);
        using var ticketJson = JsonDocument.Parse(ticket.Json);
        var holder = ticketJson.RootElement.GetProperty("holder").GetString()!;
        var account = (await owner.ReadAsync(new LedgerRead(LedgerView.Account, holder), null, 0)).Value;
        if (account.Problem is not null) return (null, account.Problem);
        using var accountJson = JsonDocument.Parse(account.Json);
        return accountJson.RootElement.GetProperty("owner").GetString() == request.User ? (holder, null) : (null, new Problem("TicketNotHeld", $"Ticket '{request.Ticket}' of {asset} is not in an account of yours.", "ticket"));
    }

    private string Gate => field ??= this.GetPrimaryKeyString() is { Length: <= 58 } id ? "space:" + id : "space:" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(this.GetPrimaryKeyString())))[..32];
}
