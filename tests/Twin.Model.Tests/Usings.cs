global using Twin.Testing;
global using Xunit;
