using Twin.Grains.Spaces;

namespace Twin.Gateway.Spaces;

/// <summary>Takes over who does not want to hear whom.</summary>
internal sealed partial class SpaceKeeper
{
    private Task TakeBlocksAsync(SpaceHall hall, SpaceAnswer answer) => answer.BlocksVersion == hall.BlocksVersion ? Task.CompletedTask : door.RunAsync(() =>
    {
        if (answer.BlocksVersion > hall.BlocksVersion)
        {
            hall.Block(answer.Blocks);
            hall.BlocksVersion = answer.BlocksVersion;
        }

        return true;
    });
}
