using Afterimage.Cli;

return AfterimageApp.Run(args);
